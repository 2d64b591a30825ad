import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockPerson, type PersonRow } from '../../database/people/people.ts'
import { findCodeEnrolment, lockCodeEnrolment } from '../../database/people/proofs.ts'
import { findWhetherRecovered } from '../../database/people/sessions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { codeUri, matchingTimeStep, newCodeSeed } from '../../secrets/codes.ts'
import { looksLikeRecoveryCode } from '../../secrets/recovery-codes.ts'
import type { Sealer } from '../../secrets/sealing.ts'
import { newToken } from '../../secrets/tokens.ts'
import type { Bearer } from '../sign-in/bearers.ts'
import { openCodeSeed, sealCodeSeed, spendCode } from '../sign-in/codes.ts'
import { renewSession } from '../sign-in/sessions.ts'
import { hasStepUp, spendStepUp } from '../sign-in/step-up.ts'
import { endWhatRestedOnIt, recordAccountChange } from './changes.ts'
import { spendRecoveryCode } from './recovery-codes.ts'

/** What to put into an authenticator. */
export type Enrolment = { codeSeed: string; uri: string }

function enrollerOf(bearer: Bearer) {
  return { id: bearer.id, personId: bearer.actor.personId }
}

/** Whether a proof has to be given before a new code device: none shortly after a code, or after signing in with a recovery code. */
export async function needsProofForDevice(db: Db, bearer: Bearer): Promise<boolean> {
  return !(await findWhetherRecovered(db, bearer.id)) && !(await hasStepUp(db, bearer))
}

async function prove(db: Db, sealer: Sealer, bearer: Bearer, proof: string): Promise<void> {
  const { personId } = bearer.actor
  if (await findWhetherRecovered(db, bearer.id)) return
  if (proof.trim() === '') await spendStepUp(db, bearer, null)
  else if (looksLikeRecoveryCode(proof)) await spendRecoveryCode(db, personId, proof)
  else await spendCode(db, sealer, personId, proof)
}

/**
 * Begins to replace the code device: a code of the old one or a recovery code (or a step-up just made) gives a new seed,
 * which waits for its first code and is shown to this session alone. The old device works until then. Refuses
 * STEP_UP_REQUIRED, CODE_REJECTED, CODE_LOCKED.
 */
export async function beginCodeDevice(db: Db, sealer: Sealer, bearer: Bearer, proof: string): Promise<void> {
  await prove(db, sealer, bearer, proof)
  const { personId } = bearer.actor
  const { sealed, keyId } = sealCodeSeed(sealer, personId, newCodeSeed())
  await db.transaction().execute(async (trx) => {
    const createdAt = await clock(trx)
    const row = { sessionId: bearer.id, codeSeed: sealed, codeSeedKeyId: keyId, createdAt }
    await trx
      .insertInto('codeEnrolment')
      .values({ personId, ...row })
      .onConflict((conflict) => conflict.column('personId').doUpdateSet(row))
      .execute()
  })
}

/** The code device that this session sets up, or null. */
export async function findNewCodeDevice(db: Db, sealer: Sealer, bearer: Bearer): Promise<Enrolment | null> {
  const pending = await findCodeEnrolment(db, enrollerOf(bearer))
  if (pending === undefined) return null
  const sealed = { sealed: pending.codeSeed, keyId: pending.codeSeedKeyId }
  const codeSeed = openCodeSeed(sealer, pending.personId, sealed)
  return { codeSeed, uri: codeUri(codeSeed, bearer.email) }
}

async function exchange(
  trx: Trx,
  person: PersonRow,
  to: { codeSeed: Buffer; keyId: string; timeStep: number; at: Date },
) {
  await trx
    .updateTable('person')
    .set({
      codeSeed: to.codeSeed,
      codeSeedKeyId: to.keyId,
      // The code that proves the device works no second time.
      codeLastStep: to.timeStep,
      codeChangedAt: to.at,
      wrongCodes: 0,
      consecutiveWrongCodes: 0,
      wrongCodesSince: null,
    })
    .where('id', '=', person.id)
    .execute()
}

/**
 * Replaces the code device with the one that this session sets up, whose first code this is; the old one's codes are refused
 * from then on, and every other session ends. Gives the session's new token. Refuses CODE_REJECTED, and ILLEGAL_MOVE when
 * nothing is being set up (any more).
 */
export async function replaceCodeDevice(
  db: Db,
  sealer: Sealer,
  bearer: Bearer,
  input: { sessionToken: string; code: string },
): Promise<{ sessionToken: string }> {
  const sessionToken = newToken()
  await db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, bearer.actor.personId)
    const pending = await lockCodeEnrolment(trx, enrollerOf(bearer))
    if (pending === undefined) throw new Refusal('ILLEGAL_MOVE', { detail: 'No code device is being set up here.' })
    const at = await clock(trx)
    const { codeSeed, codeSeedKeyId: keyId } = pending
    const seed = openCodeSeed(sealer, person.id, { sealed: codeSeed, keyId })
    const timeStep = await matchingTimeStep(seed, input.code, at)
    if (timeStep === null) throw new Refusal('CODE_REJECTED')
    await exchange(trx, person, { codeSeed, keyId, timeStep, at })
    await endWhatRestedOnIt(trx, person.id, bearer.id)
    if (!(await renewSession(trx, input.sessionToken, sessionToken))) throw new Refusal('NOT_AUTHENTICATED')
    await trx.updateTable('session').set({ recovered: false }).where('id', '=', bearer.id).execute()
    const change = { action: 'person.replace_code_device', notice: 'code_device_changed', at } as const
    await recordAccountChange(trx, person, change)
  })
  return { sessionToken }
}

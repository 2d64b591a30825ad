import type { Db } from '../../database/connect.ts'
import { findWhetherSteppedUp, takeAnyStepUpCall, takeStepUpCall } from '../../database/people/step-ups.ts'
import { Refusal } from '../../rules/refusals.ts'
import type { Sealer } from '../../secrets/sealing.ts'
import { hashToken, newToken } from '../../secrets/tokens.ts'
import { type Bearer, findSessionBearer } from './bearers.ts'
import { spendCode } from './codes.ts'
import { addStepUp, renewSession } from './sessions.ts'

const WORTH = { seconds: 5 * 60, calls: 10 }

function ownerOf(bearer: Bearer) {
  return { id: bearer.id, personId: bearer.actor.personId }
}

/**
 * Turns a one-time code into a step-up token for this person and this bearer: five minutes, ten calls. Refuses with
 * `CODE_REJECTED` or `CODE_LOCKED`.
 */
export async function stepUp(
  db: Db,
  sealer: Sealer,
  bearer: Bearer,
  code: string,
): Promise<{ stepUpToken: string; expiresAt: Date }> {
  if (!bearer.complete) throw new Refusal('NOT_AUTHENTICATED')
  await spendCode(db, sealer, bearer.actor.personId, code)
  return db.transaction().execute((trx) => addStepUp(trx, ownerOf(bearer), WORTH))
}

/** The same for a page's session, which carries no token for it and gets a new session token instead. */
export async function stepUpSession(
  db: Db,
  sealer: Sealer,
  sessionToken: string,
  code: string,
): Promise<{ sessionToken: string }> {
  const bearer = await findSessionBearer(db, sessionToken)
  if (bearer === null || !bearer.complete) throw new Refusal('NOT_AUTHENTICATED')
  await spendCode(db, sealer, bearer.actor.personId, code)
  const renewed = newToken()
  await db.transaction().execute(async (trx) => {
    if (!(await renewSession(trx, sessionToken, renewed))) throw new Refusal('NOT_AUTHENTICATED')
    await addStepUp(trx, ownerOf(bearer), WORTH)
  })
  return { sessionToken: renewed }
}

/**
 * Takes one call off the step-up with this token; a session may come without a token and spends one of its own, its
 * sign-in less than two minutes ago included. Refuses with `STEP_UP_REQUIRED`.
 */
export async function spendStepUp(db: Db, bearer: Bearer, stepUpToken: string | null): Promise<void> {
  const spent = bearer.complete && (await takeCall(db, bearer, stepUpToken))
  if (!spent) throw new Refusal('STEP_UP_REQUIRED')
}

async function takeCall(db: Db, bearer: Bearer, stepUpToken: string | null): Promise<boolean> {
  if (stepUpToken !== null) return takeStepUpCall(db, ownerOf(bearer), hashToken(stepUpToken))
  return bearer.type === 'session' && takeAnyStepUpCall(db, ownerOf(bearer))
}

/** Whether the bearer has a step-up to spend, so that a page knows whether to ask for a code. */
export async function hasStepUp(db: Db, bearer: Bearer): Promise<boolean> {
  return bearer.complete && findWhetherSteppedUp(db, ownerOf(bearer))
}

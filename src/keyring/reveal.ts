import { type AuditPosition, recordAudit } from '../database/audit/append.ts'
import { clock, type Db, type Trx } from '../database/connect.ts'
import { lockAccount } from '../database/people/owners.ts'
import { holdLetsPickUp, holdUntil, onHold } from '../rules/hold.ts'
import { isOver } from '../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import type { Sealer } from '../secrets/sealing.ts'
import { lockClock, runClock } from './clock/run.ts'
import { sendKeyEvent } from './keys/told.ts'
import { versionBinding } from './make-version.ts'

async function mayReveal(trx: Trx, actor: PersonActor): Promise<boolean> {
  if (actor.role === 'owner') return true
  if (actor.role !== 'developer') return false
  const membership = await trx
    .selectFrom('membership')
    .select('mayReveal')
    .where('personId', '=', actor.personId)
    .where('organisationId', '=', actor.organisationId)
    .executeTakeFirst()
  return membership?.mayReveal === true
}

/** What the hold of whoever picks a version up rests on beside their account: the rotation that made it, if one did. */
async function findMaker(trx: Trx, version: { id: string; keyId: string }) {
  const maker = await trx
    .selectFrom('item')
    .innerJoin('rotation', 'rotation.ref', 'item.rotationRef')
    .select(['rotation.ref', 'rotation.reason', 'rotation.approvalsNeeded', 'rotation.createdAt'])
    // the key's items are found by index, and are few
    .where('item.keyId', '=', version.keyId)
    .where('item.newVersionId', '=', version.id)
    .executeTakeFirst()
  return maker ?? null
}

type Account = Awaited<ReturnType<typeof lockAccount>>

/** Whoever's password, code device or email changed lately may be a thief, who must not be shown a key. Refuses ON_HOLD. */
function refuseHeld(account: Account, maker: Awaited<ReturnType<typeof findMaker>>, now: Date): void {
  const until = holdUntil(account, now)
  if (until === null || holdLetsPickUp(account, maker)) return
  throw onHold('picking up keys', until, account.timeZone, ' Another owner can do it.')
}

const SEALED = 'This key is delivered as an age file. Fetch that, and open it where its identity is.'

/** Endpoints hear that it was shown, which whoever made it may not have expected. */
async function tellRevealed(
  trx: Trx,
  version: { id: string; keyId: string; organisationId: string },
  at: Date,
  position: AuditPosition,
): Promise<void> {
  const { keyId, organisationId } = version
  const key = trx.selectFrom('key').select('serviceId').where('id', '=', keyId)
  const { serviceId } = await key.executeTakeFirstOrThrow()
  await sendKeyEvent(trx, 'key.revealed', { id: keyId, serviceId, organisationId }, at, position, {
    versionId: version.id,
  })
}

/**
 * Shows a version's secret, once: its ciphertext is gone when the secret is answered, and where the old version is to stop with the pick-up,
 * that is committed with it. One that does not work yet may be picked up already. Refuses NOT_FOUND, NOT_ALLOWED (a developer
 * whom no owner allowed), ON_HOLD, ALREADY_REVEALED, ILLEGAL_MOVE (the version has ended, or is delivered as an age file), SECRET_UNAVAILABLE (the master key isn't held; nothing is lost).
 */
export async function revealVersion(
  db: Db,
  sealer: Sealer,
  actor: PersonActor,
  versionId: string,
): Promise<{ secret: string }> {
  requireRole(actor, 'versions.reveal')
  return db.transaction().execute(async (trx) => {
    const account = await lockAccount(trx, actor.personId)
    const { organisationId } = actor
    const waiting = await lockClock(trx, { versionId, event: 'on_pickup', organisationId })
    const version = await trx
      .selectFrom('version')
      .selectAll()
      .where('id', '=', versionId)
      .where('organisationId', '=', actor.organisationId)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (version === undefined) throw new Refusal('NOT_FOUND')
    if (!(await mayReveal(trx, actor))) throw new Refusal('NOT_ALLOWED')
    if (version.rolledBackAt !== null) {
      throw new Refusal('ILLEGAL_MOVE', { detail: 'This new key was rolled back and is deleted.' })
    }
    if (version.ageFile !== null) throw new Refusal('ILLEGAL_MOVE', { detail: SEALED })
    if (version.sealed === null || version.sealedKeyId === null) throw new Refusal('ALREADY_REVEALED')
    const at = await clock(trx)
    const maker = await findMaker(trx, version)
    refuseHeld(account, maker, at)
    if (isOver(version, at)) throw new Refusal('ILLEGAL_MOVE', { detail: 'This version of the key has ended.' })
    const bound = versionBinding(version.organisationId, version.keyId, version.id)
    const secret = sealer.open({ sealed: version.sealed, keyId: version.sealedKeyId }, bound)
    if (secret === null) throw new Refusal('SECRET_UNAVAILABLE')
    await trx
      .updateTable('version')
      .set({ sealed: null, sealedKeyId: null, revealedAt: at, revealedBy: actor.personId })
      .where('id', '=', versionId)
      .execute()
    const about = maker === null ? {} : { rotation: maker.ref }
    const facts = { version: versionId, key: version.keyId }
    const entry = { action: 'version.reveal', actor, ...about, facts }
    const position = await recordAudit(trx, version.organisationId, at, entry)
    await tellRevealed(trx, version, at, position)
    if (waiting !== null) await runClock(trx, waiting, actor, at)
    return { secret }
  })
}

import { clock, type Db, type Trx } from '../database/connect.ts'
import { lockVersions } from '../database/rotations/locks.ts'
import type { ItemRow, RotationRow, VersionRow } from '../database/schema.ts'
import { refuseSecret } from '../rules/keys/secret-text.ts'
import { isAccepted } from '../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import { decideBy, decideReminders } from '../rules/rotations/approvals.ts'
import { expiresInOverlap, startIsTooFar, startsAt } from '../rules/rotations/overlap.ts'
import type { Filing } from './filing/filing.ts'
import { insertItems, insertRotation, nextRef } from './filing/insert.ts'
import { lockFiledKeys, refuseLiveKeys } from './filing/keys.ts'
import { spendFiling } from './filing/limit.ts'
import { closeReplaced, lockReplaced } from './filing/replaced.ts'
import { lockRequester, refuseHeldRequester } from './filing/requester.ts'
import { putRotationLetters } from './letters.ts'
import { planReminders } from './reminders.ts'

export type { Filing } from './filing/filing.ts'

function refuseBadFiling(filing: Filing, versions: readonly VersionRow[], now: Date): void {
  const notBefore = filing.notBefore ?? null
  if (startIsTooFar(notBefore, now)) throw new Refusal('START_TOO_FAR')
  refuseSecret('/details', filing.details)
  const start = startsAt(notBefore, now)
  const expiring = versions.find(
    (version) => isAccepted(version, now) && expiresInOverlap(start, filing.overlapSeconds, version.ownEnd),
  )
  if (expiring !== undefined) throw new Refusal('EXPIRES_IN_OVERLAP')
}

/** Tells the owners and those who may decide, and plans their reminders. What was filed on behalf is told as that: the owners didn't do it. */
async function tellOfFiling(
  trx: Trx,
  rotation: RotationRow,
  items: readonly ItemRow[],
  actor: PersonActor,
): Promise<void> {
  const { createdAt: at, verifiedBy } = rotation
  const deadline = decideBy(at)
  const letter = { who: actor.name, at, decideBy: deadline, items }
  const owners =
    verifiedBy === null
      ? ({ ...letter, kind: 'received' } as const)
      : ({ ...letter, kind: 'filed-on-behalf', note: verifiedBy } as const)
  await putRotationLetters(trx, rotation, { ...owners, audience: 'owners' })
  await putRotationLetters(trx, rotation, { ...letter, kind: 'approval-needed', audience: 'agents' })
  await planReminders(trx, rotation.ref, decideReminders(deadline, at))
}

/**
 * Files a rotation; it then waits for its approvals. One that replaces another closes that one in the same moment. Refuses NOT_FOUND (a
 * service or key that isn't the organisation's, a person who is no owner of it), NOT_ALLOWED, OWN_ROTATION, ON_HOLD, NO_KEYS, ROTATION_IN_PROGRESS,
 * ILLEGAL_MOVE (what it replaces is over), INVALID_REQUEST, START_TOO_FAR, CONTAINS_SECRET, EXPIRES_IN_OVERLAP, and TOO_MANY_REQUESTS.
 */
export async function submitRotation(db: Db, actor: PersonActor, filing: Filing): Promise<{ ref: string }> {
  requireRole(actor, 'rotations.file')
  await spendFiling(db, actor.personId)
  return db.transaction().execute(async (trx) => {
    const requester = await lockRequester(trx, actor, filing)
    const replaced = await lockReplaced(trx, requester.organisationId, filing)
    const keys = await lockFiledKeys(trx, requester.organisationId, filing)
    const keyIds = keys.map((key) => key.id)
    const versions = await lockVersions(trx, keyIds)
    const at = await clock(trx)
    refuseHeldRequester(requester, filing, at)
    refuseBadFiling(filing, versions, at)
    await refuseLiveKeys(trx, keys, replaced?.rotation.ref)
    const ref = await nextRef(trx)
    if (replaced !== null) await closeReplaced(trx, replaced, { ref, filing, keyIds, versions, actor, at })
    const rotation = await insertRotation(trx, { ref, filing, requester, itemCount: keys.length, actor, at })
    const items = await insertItems(trx, rotation, keys, { actor, at })
    await tellOfFiling(trx, rotation, items, actor)
    return { ref }
  })
}

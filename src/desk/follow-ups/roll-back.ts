import { recordAudit } from '../../database/audit/append.ts'
import type { Db, Trx } from '../../database/connect.ts'
import { findPersonName } from '../../database/letters/facts.ts'
import { lockItems, lockRotation } from '../../database/rotations/locks.ts'
import type { FollowUpRow, ItemRow, RotationRow } from '../../database/schema.ts'
import { NO_SECRET } from '../../keyring/make-version.ts'
import { type Actor, type PersonActor, requireRole } from '../../rules/permissions.ts'
import { rollbackApprovals } from '../../rules/rotations/follow-ups.ts'
import { putRotationLetters } from '../letters.ts'
import { moveItem } from '../record.ts'
import { settle } from '../settle.ts'
import { chosenItems, lockMovableItems, type OpenItem } from './open-items.ts'
import { askForApproval, insertFollowUp, refuseSecondRequest } from './requests.ts'

/** Deletes the new versions, secrets included, and gives the old ones back the end they had by themselves. */
async function exchangeVersions(trx: Trx, open: readonly OpenItem[], at: Date): Promise<void> {
  await trx
    .updateTable('version')
    .set({ rolledBackAt: at, ...NO_SECRET, clockStarts: null, clockSeconds: null })
    .where(
      'id',
      'in',
      open.map(({ made }) => made.id),
    )
    .execute()
  await trx
    .updateTable('version')
    .set((version) => ({ acceptedUntil: version.ref('ownEnd') }))
    .where(
      'id',
      'in',
      open.map(({ old }) => old.id),
    )
    .execute()
}

/** Carries a rollback out for items whose old version is still accepted; no verify sent after the commit accepts a new one. */
export async function bringBack(
  trx: Trx,
  rotation: RotationRow,
  followUp: FollowUpRow,
  open: readonly OpenItem[],
  { actor, at }: { actor: Actor; at: Date },
): Promise<void> {
  await exchangeVersions(trx, open, at)
  const facts = { followUp: followUp.id, items: open.map(({ item }) => item.id) }
  const fact = { action: 'rotation.roll_back', actor, rotation: rotation.ref, facts }
  await recordAudit(trx, rotation.organisationId, at, fact)
  const items: ItemRow[] = []
  for (const { item, old } of open) {
    items.push(await moveItem(trx, item, 'roll_back', 'rolled_back', { actor, at }, { overlapEndsAt: old.ownEnd }))
  }
  const who = await findPersonName(trx, followUp.requestedBy)
  const letter = { who, at, distinction: followUp.id, items }
  await putRotationLetters(trx, rotation, { ...letter, kind: 'rolled-back', audience: 'members' })
  await settle(trx, rotation, at)
}

/**
 * Goes back to old keys that still work: their new ones are deleted for good and answer ROLLED_BACK from the commit on. After a leak
 * it waits for two agents, since it hands the leaked key back. Nothing brings back an old key that has ended. Refuses NOT_FOUND and
 * ILLEGAL_MOVE (the old keys have ended, are to be revoked, or going back was asked for already), with the next best step.
 */
export async function rollBack(
  db: Db,
  actor: PersonActor,
  ref: string,
  wish: { itemIds?: readonly string[] | undefined } = {},
): Promise<{ followUpId: string; status: 'requested' | 'done' }> {
  requireRole(actor, 'rotations.followUp')
  return db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    const { open, now } = await lockMovableItems(trx, chosenItems(await lockItems(trx, ref), wish.itemIds))
    const items = open.map(({ item }) => item)
    await refuseSecondRequest(trx, rotation, 'rollback', items)
    const approvalsNeeded = rollbackApprovals(rotation.reason)
    const status = approvalsNeeded === 0 ? 'done' : 'requested'
    const wanted = { type: 'rollback', status, at: null, approvalsNeeded } as const
    const followUp = await insertFollowUp(trx, rotation, items, actor, now, wanted)
    if (status === 'requested') await askForApproval(trx, rotation, followUp, items, actor)
    else await bringBack(trx, rotation, followUp, open, { actor, at: now })
    return { followUpId: followUp.id, status }
  })
}

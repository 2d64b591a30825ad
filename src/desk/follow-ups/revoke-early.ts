import { recordAudit } from '../../database/audit/append.ts'
import type { Db, Trx } from '../../database/connect.ts'
import { lockItems, lockRotation } from '../../database/rotations/locks.ts'
import type { ItemRow } from '../../database/schema.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { formatTime } from '../../rules/text/times.ts'
import { planEndReminders } from '../mail/plan-end-reminders.ts'
import { updateDeadline } from '../settle.ts'
import { chosenItems, lockOpenItems, type OpenItem } from './open-items.ts'
import { insertFollowUp, refuseSecondRequest } from './requests.ts'

type Wish = { itemIds?: readonly string[] | undefined; at?: Date | null | undefined }

/** The chosen items whose old version is still accepted, and the time at which it was. */
async function lockRevocable(trx: Trx, chosen: readonly ItemRow[]): Promise<{ open: OpenItem[]; now: Date }> {
  const { open, now } = await lockOpenItems(trx, chosen)
  if (open.length > 0) return { open, now }
  throw new Refusal('ILLEGAL_MOVE', {
    detail: 'None of these old keys works any more, or none is being replaced yet.',
  })
}

async function revokeOldVersions(trx: Trx, items: readonly ItemRow[], at: Date, now: Date): Promise<void> {
  const ids = items.map((item) => item.oldVersionId).filter((id) => id !== null)
  const change = at <= now ? { revokedAt: now } : { revokeFrom: at }
  await trx.updateTable('version').set(change).where('id', 'in', ids).execute()
  await trx
    .updateTable('item')
    .set({ overlapEndsAt: at, dueAt: at })
    .where(
      'id',
      'in',
      items.map((item) => item.id),
    )
    .execute()
}

/** While a new version waits to work, the old one is all there is. Refuses ILLEGAL_MOVE. */
function refuseLeavingNone(open: readonly OpenItem[], at: Date): void {
  const latest = Math.max(...open.map(({ made }) => made.activeFrom.getTime()))
  if (latest <= at.getTime()) return
  const from = formatTime(new Date(latest), 'UTC')
  const detail = `A new key works only from ${from} on, so its old one can’t be stopped before. If the old one was leaked, replace this rotation: the new key then works at once.`
  throw new Refusal('ILLEGAL_MOVE', { detail })
}

/** A planned revocation has to lie before the end that every one of the items has anyway. */
function revocationTime(items: readonly ItemRow[], wish: Wish, now: Date): Date {
  const at = wish.at ?? now
  if (at <= now) return now
  const tooLate = items.some((item) => item.overlapEndsAt !== null && item.overlapEndsAt <= at)
  if (!tooLate) return at
  const errors = [{ pointer: '/at', message: 'The old key stops before that time anyway. Choose an earlier one.' }]
  throw new Refusal('INVALID_REQUEST', { errors })
}

/**
 * Ends old versions before their overlap does, for good. Without `at` they are refused from the commit on: a verify sent after
 * this answered never finds them valid; the worker does the bookkeeping and letters. With `at` it is planned, once per item, and as
 * final. Refuses NOT_FOUND, INVALID_REQUEST and ILLEGAL_MOVE.
 */
export async function revokeEarly(
  db: Db,
  actor: PersonActor,
  ref: string,
  wish: Wish,
): Promise<{ followUpId: string }> {
  requireRole(actor, 'rotations.revokeEarly')
  return db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    const { open, now } = await lockRevocable(trx, chosenItems(await lockItems(trx, ref), wish.itemIds))
    const items = open.map(({ item }) => item)
    const at = revocationTime(items, wish, now)
    refuseLeavingNone(open, at)
    const planned = at > now
    if (planned) await refuseSecondRequest(trx, rotation, 'early_revocation', items)
    await revokeOldVersions(trx, items, at, now)
    if (planned) {
      await updateDeadline(trx, ref)
      const moved = items.map((item) => ({ ...item, overlapEndsAt: at }))
      await planEndReminders(trx, ref, moved, now)
    }
    const status = planned ? 'requested' : 'done'
    const wanted = { type: 'early_revocation', status, at, approvalsNeeded: 0 } as const
    const followUp = await insertFollowUp(trx, rotation, items, actor, now, wanted)
    const facts = { followUp: followUp.id, items: followUp.itemIds, revokedFrom: at.toISOString() }
    const fact = { action: 'rotation.revoke_early', actor, rotation: ref, facts }
    await recordAudit(trx, rotation.organisationId, now, fact)
    return { followUpId: followUp.id }
  })
}

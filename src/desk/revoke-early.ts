import { recordAudit } from '../database/audit/append.ts'
import { clock, type Db, type Trx } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import { lockItems, lockRotation, lockVersions } from '../database/rotations/locks.ts'
import type { ItemRow } from '../database/schema.ts'
import { isAccepted } from '../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import { tellFollowUp } from './webhooks/tell.ts'

type Wish = { itemIds?: readonly string[] | undefined; at?: Date | null | undefined }

/** The items in overlap; all of them, or those named. */
function chosenItems(items: readonly ItemRow[], wish: Wish): ItemRow[] {
  const unknown = wish.itemIds?.find((id) => !items.some((item) => item.id === id))
  if (unknown !== undefined) throw new Refusal('NOT_FOUND', { detail: `The rotation has no item ${unknown}.` })
  return items.filter((item) => item.status === 'overlap' && (wish.itemIds?.includes(item.id) ?? true))
}

/** The chosen items whose old version is still accepted, and the time at which it was. */
async function lockRevocable(trx: Trx, chosen: readonly ItemRow[]): Promise<{ items: ItemRow[]; now: Date }> {
  const versions = await lockVersions(
    trx,
    chosen.map((item) => item.keyId),
  )
  const now = await clock(trx)
  const items = chosen.filter((item) =>
    versions.some((version) => version.id === item.oldVersionId && isAccepted(version, now)),
  )
  if (items.length > 0) return { items, now }
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
 * this answered never finds them valid; the worker does the bookkeeping and letters. Refuses NOT_FOUND and ILLEGAL_MOVE.
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
    const { items, now } = await lockRevocable(trx, chosenItems(await lockItems(trx, ref), wish))
    const at = revocationTime(items, wish, now)
    await revokeOldVersions(trx, items, at, now)
    const followUpId = newId('followUp')
    const itemIds = items.map((item) => item.id)
    const done = at <= now
    const followUp = await trx
      .insertInto('followUp')
      .values({
        id: followUpId,
        rotationRef: ref,
        organisationId: rotation.organisationId,
        type: 'early_revocation',
        status: done ? 'done' : 'requested',
        itemIds,
        at,
        requestedBy: actor.personId,
        requestedAt: now,
        decidedAt: done ? now : null,
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    const facts = { followUp: followUpId, items: itemIds, revokedFrom: at.toISOString() }
    const fact = { action: 'rotation.revoke_early', actor, rotation: ref, facts }
    await recordAudit(trx, rotation.organisationId, now, fact)
    await tellFollowUp(trx, followUp, now)
    return { followUpId }
  })
}

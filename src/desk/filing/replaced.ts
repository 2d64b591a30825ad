import type { Trx } from '../../database/connect.ts'
import { lockItems, lockRotation } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow, VersionRow } from '../../database/schema.ts'
import { isAccepted } from '../../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { barFromReplacing } from '../../rules/rotations/replacement.ts'
import { putRotationLetters } from '../letters.ts'
import { moveItem } from '../record.ts'
import { retireItems } from '../retire.ts'
import { closeRotation } from '../trouble/close.ts'
import type { Filing } from './filing.ts'

export type Replaced = { rotation: RotationRow; items: ItemRow[] }

/** Locks the rotation that the filing replaces, if it replaces one. Refuses NOT_FOUND. */
export async function lockReplaced(trx: Trx, organisationId: string, { replaces }: Filing): Promise<Replaced | null> {
  if (replaces === undefined) return null
  const rotation = await lockRotation(trx, replaces, organisationId)
  return { rotation, items: await lockItems(trx, replaces) }
}

type Replacing = {
  /** The reference of the rotation that takes its place. */
  ref: string
  filing: Filing
  keyIds: readonly string[]
  /** The locked versions of those keys. */
  versions: readonly VersionRow[]
  actor: PersonActor
  at: Date
}

/** Stops the old versions of what is in overlap, for good; the newer ones go on until the new rotation replaces them. Answers the items it stopped one of. */
async function stopOldVersions(trx: Trx, { rotation, items }: Replaced, { versions, actor, at }: Replacing) {
  const overlapping = items.filter((item) => item.status === 'overlap')
  if (overlapping.length === 0) return []
  // Filing alone stops nothing at once: a token that may only file doesn't get around the scope for it.
  requireRole(actor, 'rotations.revokeEarly')
  const accepted = versions.filter((version) => isAccepted(version, at)).map((version) => version.id)
  const stopped = overlapping.filter((item) => item.oldVersionId !== null && accepted.includes(item.oldVersionId))
  for (const { id, oldVersionId, newVersionId } of stopped) {
    await trx.updateTable('version').set({ revokedAt: at }).where('id', '=', oldVersionId).execute()
    // A leak can't wait for a cooldown: the newer one works from now on, so that at no time none does.
    const waiting = trx.updateTable('version').set({ activeFrom: at }).where('id', '=', newVersionId)
    await waiting.where('activeFrom', '>', at).execute()
    await trx.updateTable('item').set({ overlapEndsAt: at }).where('id', '=', id).execute()
  }
  await retireItems(trx, rotation, overlapping, at, actor)
  return stopped
}

/**
 * Closes the rotation whose place another takes: what of it wasn't done is cancelled, and of keys in overlap the old version dies now.
 * Refuses INVALID_REQUEST, ILLEGAL_MOVE, ROTATION_IN_PROGRESS and NOT_ALLOWED as `barFromReplacing` says, and NOT_IN_SCOPE where a token
 * may not stop keys.
 */
export async function closeReplaced(trx: Trx, replaced: Replaced, replacing: Replacing): Promise<void> {
  const { rotation, items } = replaced
  const { ref, filing, keyIds, actor, at } = replacing
  const onBehalf = filing.onBehalfOf !== undefined
  const bar = barFromReplacing({ ...rotation, items }, { reason: filing.reason, keyIds, onBehalf })
  if (bar !== null) throw bar
  const reason = `Replaced by ${ref}, since a key was leaked.`
  const stopped = await stopOldVersions(trx, replaced, replacing)
  for (const item of items) {
    const undone = item.status === 'pending' || item.status === 'failed'
    if (undone) await moveItem(trx, item, 'cancel', 'cancelled', { actor, at })
  }
  const closed = await closeRotation(trx, rotation, reason, { actor, at, facts: { replacedBy: ref } })
  if (stopped.length > 0) {
    const letter = { who: actor.name, at, note: reason, distinction: ref, items: stopped }
    await putRotationLetters(trx, closed, { ...letter, kind: 'old-key-revoked', audience: 'members' })
  }
}

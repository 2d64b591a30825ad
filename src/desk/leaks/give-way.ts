import type { Trx } from '../../database/connect.ts'
import { lockItems } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow, VersionRow } from '../../database/schema.ts'
import { isAccepted } from '../../rules/keys/verdict.ts'
import { LIVE_ITEM_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import { putRotationLetters } from '../letters.ts'
import { BY_DESK, moveItem } from '../record.ts'
import { retireItems } from '../retire.ts'
import { settle } from '../settle.ts'
import { closeRotation } from '../trouble/close.ts'

export type Live = { rotation: RotationRow; item: ItemRow }

const LIVE: readonly string[] = LIVE_ITEM_STATUSES
const STARTED: readonly string[] = ['executing', 'overlap', 'needs_attention']

/** Stops the old version of an item in overlap now, for good, and does its bookkeeping. */
export async function stopOldVersion(trx: Trx, { rotation, item }: Live, versions: readonly VersionRow[], at: Date) {
  const old = versions.find((version) => version.id === item.oldVersionId)
  if (old !== undefined && isAccepted(old, at)) {
    await trx.updateTable('version').set({ revokedAt: at }).where('id', '=', old.id).execute()
    await trx.updateTable('item').set({ overlapEndsAt: at }).where('id', '=', item.id).execute()
  }
  await retireItems(trx, rotation, [item], at, BY_DESK)
}

async function tellOfStop(trx: Trx, rotation: RotationRow, item: ItemRow, at: Date, note: string): Promise<void> {
  const letter = { who: null, at, note, distinction: `leak ${item.id}`, items: [item] }
  await putRotationLetters(trx, rotation, { ...letter, kind: 'old-key-revoked', audience: 'members' })
}

/**
 * Frees a leaked key from the live rotation it is in, so that another can take its place: what of it wasn't done is cancelled, and in
 * overlap its older version dies now. The rotation is closed when that was all that was left of it; other keys in it go on.
 */
export async function giveWay(
  trx: Trx,
  live: Live,
  versions: readonly VersionRow[],
  { ref, at }: { ref: string; at: Date },
): Promise<{ closed: boolean }> {
  const { rotation, item } = live
  const record = { actor: BY_DESK, at }
  const reason = `Replaced by ${ref}, since a key was leaked.`
  if (item.status === 'overlap') await stopOldVersion(trx, live, versions, at)
  else await moveItem(trx, item, 'cancel', 'cancelled', record)
  const left = (await lockItems(trx, rotation.ref)).some(({ status }) => LIVE.includes(status))
  if (!left) await closeRotation(trx, rotation, reason, { ...record, facts: { replacedBy: ref } })
  else if (STARTED.includes(rotation.status)) await settle(trx, rotation, at)
  if (item.status === 'overlap') await tellOfStop(trx, rotation, item, at, reason)
  return { closed: !left }
}

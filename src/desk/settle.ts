import type { Trx } from '../database/connect.ts'
import { lockItems } from '../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../database/schema.ts'
import { isEnded, statusFromItems } from '../rules/rotations/rotation-lifecycle.ts'
import { putRotationLetters } from './letters.ts'
import { BY_WORKER, moveRotation } from './record.ts'

function earliestEnd(items: readonly ItemRow[]): Date | null {
  const ends = items.filter((item) => item.status === 'overlap').map((item) => item.overlapEndsAt?.getTime())
  const known = ends.filter((end) => end !== undefined)
  return known.length === 0 ? null : new Date(Math.min(...known))
}

/** Brings a started rotation to where its items are, and tells people what they have been waiting for. */
export async function settle(trx: Trx, rotation: RotationRow, at: Date): Promise<void> {
  const items = await lockItems(trx, rotation.ref)
  const status = statusFromItems(items.map((item) => item.status))
  const nextDeadline = earliestEnd(items)
  if (status === rotation.status) {
    await trx.updateTable('rotation').set({ nextDeadline }).where('ref', '=', rotation.ref).execute()
    return
  }
  const changes = { nextDeadline, completedAt: isEnded(status) ? at : null }
  const moved = await moveRotation(trx, rotation, 'settle', status, { actor: BY_WORKER, at }, changes)
  const letter = { who: null, at, items, distinction: 'once' }
  if (status === 'overlap' && rotation.status === 'executing') {
    await putRotationLetters(trx, moved, { ...letter, kind: 'new-keys-ready', audience: 'members' })
  }
  if (status === 'completed')
    await putRotationLetters(trx, moved, { ...letter, kind: 'completed', audience: 'members' })
}

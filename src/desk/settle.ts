import type { Trx } from '../database/connect.ts'
import { lockItems } from '../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../database/schema.ts'
import { isEnded, statusFromItems } from '../rules/rotations/rotation-lifecycle.ts'
import { lapseFollowUps } from './follow-ups/lapse.ts'
import { putRotationLetters } from './letters.ts'
import { BY_WORKER, moveRotation } from './record.ts'

function earliestEnd(items: readonly ItemRow[]): Date | null {
  const ends = items.filter((item) => item.status === 'overlap').map((item) => item.overlapEndsAt?.getTime())
  const known = ends.filter((end) => end !== undefined)
  return known.length === 0 ? null : new Date(Math.min(...known))
}

/** Sets what the queue sorts by anew, after the end of an overlap has moved. */
export async function updateDeadline(trx: Trx, ref: string): Promise<void> {
  const nextDeadline = earliestEnd(await lockItems(trx, ref))
  await trx.updateTable('rotation').set({ nextDeadline }).where('ref', '=', ref).execute()
}

/** The items whose new versions were made since the work on them last began: the others' people know already. */
async function newlyMade(trx: Trx, rotation: RotationRow, items: readonly ItemRow[]): Promise<ItemRow[]> {
  const begun = await trx
    .selectFrom('rotationHistory')
    .select('at')
    .where('rotationRef', '=', rotation.ref)
    .where('toStatus', '=', 'executing')
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
  const since = begun?.at ?? new Date(0)
  return items.filter((item) => item.status === 'overlap' && item.generatedAt !== null && item.generatedAt >= since)
}

/** Tells of new keys, also of those that were made while others could not be, and of those that could not. */
async function tellOfWork(trx: Trx, moved: RotationRow, items: readonly ItemRow[], at: Date): Promise<void> {
  const letter = { who: null, at, distinction: String(moved.historySequence) }
  const made = await newlyMade(trx, moved, items)
  if (made.length > 0) {
    const told = items.filter((item) => item.status === 'skipped' || made.includes(item))
    await putRotationLetters(trx, moved, { ...letter, items: told, kind: 'new-keys-ready', audience: 'members' })
  }
  const failed = items.filter((item) => item.status === 'failed')
  if (failed.length === 0) return
  const note = [...new Set(failed.map((item) => item.problem))].join('\n')
  for (const audience of ['owners', 'agents'] as const) {
    await putRotationLetters(trx, moved, { ...letter, items: failed, note, kind: 'failed', audience })
  }
}

/** Brings a started rotation to where its items are, and tells people what they have been waiting for. */
export async function settle(trx: Trx, rotation: RotationRow, at: Date): Promise<void> {
  const items = await lockItems(trx, rotation.ref)
  await lapseFollowUps(trx, rotation, items, at)
  const status = statusFromItems(items.map((item) => item.status))
  const nextDeadline = earliestEnd(items)
  if (status === rotation.status) {
    await trx.updateTable('rotation').set({ nextDeadline }).where('ref', '=', rotation.ref).execute()
    return
  }
  const changes = { nextDeadline, completedAt: isEnded(status) ? at : null }
  const moved = await moveRotation(trx, rotation, 'settle', status, { actor: BY_WORKER, at }, changes)
  if (rotation.status === 'executing') await tellOfWork(trx, moved, items, at)
  if (status === 'completed') {
    const letter = { who: null, at, items, distinction: 'once' }
    await putRotationLetters(trx, moved, { ...letter, kind: 'completed', audience: 'members' })
  }
}

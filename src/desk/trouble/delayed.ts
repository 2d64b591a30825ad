import type { Trx } from '../../database/connect.ts'
import { lockItems } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../../database/schema.ts'
import { isLate, TOLD_LATE_SECONDS } from '../../rules/rotations/lateness.ts'
import { putRotationLetters } from '../letters.ts'

/**
 * Tells the requester when the work on an item begins more than 15 minutes late. Items that were due at the same time are told of in
 * one letter, each once; one that is only late because it was put off is not.
 */
export async function tellOfDelay(
  trx: Trx,
  rotation: RotationRow,
  { dueAt, attempts }: ItemRow,
  at: Date,
): Promise<void> {
  if (attempts > 0 || !isLate(dueAt, at, TOLD_LATE_SECONDS)) return
  const items = await lockItems(trx, rotation.ref)
  const late = items.filter((item) => item.status === 'pending' && item.dueAt?.getTime() === dueAt.getTime())
  const letter = { who: null, at, items: late, distinction: dueAt.toISOString() }
  await putRotationLetters(trx, rotation, { ...letter, kind: 'delayed', audience: 'requester' })
}

import { Refusal } from '../refusals.ts'
import { isEnded, type RotationStatus } from './rotation-lifecycle.ts'

/** `from` is whom the one who asks believes to have it; left out when they don't say. */
type Wish = { actorId: string; from?: string | null | undefined; to: string | null }
type Assigned = { status: RotationStatus; assigneeId: string | null }

/**
 * Why a rotation may not change hands like this, or null. Everybody of the staff takes what is free, and hands on or lets go
 * of what is theirs; what a colleague has they move only by naming that colleague. So of two who take one at the same
 * moment the second is refused instead of taking it from the first.
 */
export function barFromAssigning({ actorId, from, to }: Wish, { status, assigneeId }: Assigned): Refusal | null {
  if (assigneeId === to) return null
  if (isEnded(status)) return new Refusal('ILLEGAL_MOVE')
  const expected = from === undefined ? [null, actorId] : [from]
  return expected.includes(assigneeId) ? null : new Refusal('ASSIGNED_MEANWHILE')
}

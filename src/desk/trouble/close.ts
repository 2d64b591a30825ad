import type { Trx } from '../../database/connect.ts'
import { lockItems } from '../../database/rotations/locks.ts'
import type { RotationRow } from '../../database/schema.ts'
import { lapseFollowUps } from '../follow-ups/lapse.ts'
import { putRotationLetters } from '../letters.ts'
import { type MoveRecord, moveRotation } from '../record.ts'

/** Closes a rotation none of whose items is live any more, with the reason, and tells its people. Refuses ILLEGAL_MOVE. */
export async function closeRotation(
  trx: Trx,
  rotation: RotationRow,
  reason: string,
  record: MoveRecord,
): Promise<RotationRow> {
  const { actor, at } = record
  const items = await lockItems(trx, rotation.ref)
  const changes = { decisionReason: reason, completedAt: at, nextDeadline: null, clockLeftSeconds: null, problem: null }
  const facts = { ...record.facts, reason }
  const closed = await moveRotation(trx, rotation, 'close', 'closed', { actor, at, facts }, changes)
  await lapseFollowUps(trx, closed, items, at)
  const who = actor.kind === 'person' ? actor.name : null
  const letter = { who, at, note: reason, items, distinction: 'once' }
  await putRotationLetters(trx, closed, { ...letter, kind: 'closed', audience: 'owners' })
  return closed
}

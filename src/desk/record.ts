import { type AuditFact, recordAudit, recordAudits } from '../database/audit/append.ts'
import type { Trx } from '../database/connect.ts'
import type { ItemRow, RotationRow } from '../database/schema.ts'
import type { Actor } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import {
  type ItemMove,
  type ItemStatus,
  itemMayMove,
  type RotationMove,
  type RotationStatus,
  rotationMayMove,
  type UNBORN,
} from '../rules/rotations/rotation-lifecycle.ts'
import { tellItemMoves, tellRotationMove } from './webhooks/tell.ts'

/** Who made a move, when (the clock after the lock), and what else the audit trail tells of it. */
export type MoveRecord = { actor: Actor; at: Date; facts?: AuditFact['facts'] }

/** Who acts when something has come due. */
export const BY_WORKER = { kind: 'worker' } as const satisfies Actor
/** Who acts when the desk does something for a cause of its own, such as the report of a leak. */
export const BY_DESK = { kind: 'desk' } as const satisfies Actor

type Subject = { ref: string; organisationId: string }

/** Writes a rotation's next history row, its audit entry and its webhook event; the caller writes the status that they lead to. Refuses ILLEGAL_MOVE. */
export async function recordRotationMove(
  trx: Trx,
  subject: Subject,
  step: { move: RotationMove; from: RotationStatus | typeof UNBORN; to: RotationStatus; sequence: number },
  record: MoveRecord,
): Promise<void> {
  const { move, from, to, sequence } = step
  if (!rotationMayMove(move, from, to)) throw new Refusal('ILLEGAL_MOVE')
  const position = await recordAudit(trx, subject.organisationId, record.at, {
    action: `rotation.${move}`,
    actor: record.actor,
    rotation: subject.ref,
    facts: { from, to, ...record.facts },
  })
  await trx
    .insertInto('rotationHistory')
    .values({ rotationRef: subject.ref, sequence, move, fromStatus: from, toStatus: to, at: record.at, ...position })
    .execute()
  await tellRotationMove(trx, subject, step, record.at)
}

type ItemStep = {
  itemId: string
  keyId: string
  move: ItemMove
  from: ItemStatus | typeof UNBORN
  to: ItemStatus
  sequence: number
}

/** The same for items of a rotation, all of them together. */
export async function recordItemMoves(
  trx: Trx,
  { ref, organisationId }: Subject,
  steps: readonly ItemStep[],
  { actor, at, facts }: MoveRecord,
): Promise<void> {
  if (!steps.every(({ move, from, to }) => itemMayMove(move, from, to))) throw new Refusal('ILLEGAL_MOVE')
  const entries = steps.map(({ itemId, keyId, move, from, to }) => ({
    action: `item.${move}`,
    actor,
    rotation: ref,
    facts: { item: itemId, key: keyId, from, to, ...facts },
  }))
  const positions = await recordAudits(trx, organisationId, at, entries)
  const rows = steps.flatMap(({ itemId, sequence, move, from, to }, i) => {
    const position = positions[i]
    return position === undefined ? [] : [{ itemId, sequence, move, fromStatus: from, toStatus: to, at, ...position }]
  })
  await trx.insertInto('itemHistory').values(rows).execute()
  await tellItemMoves(trx, { ref, organisationId }, steps, at)
}

type RotationChanges = Partial<Omit<RotationRow, 'ref' | 'organisationId' | 'status' | 'historySequence' | 'terms'>>

/** Moves a locked rotation and records it. Refuses ILLEGAL_MOVE. Answers the row as it is now. */
export async function moveRotation(
  trx: Trx,
  rotation: RotationRow,
  move: RotationMove,
  to: RotationStatus,
  record: MoveRecord,
  changes: RotationChanges = {},
): Promise<RotationRow> {
  const sequence = rotation.historySequence + 1
  await recordRotationMove(trx, rotation, { move, from: rotation.status, to, sequence }, record)
  return trx
    .updateTable('rotation')
    .set({ ...changes, status: to, historySequence: sequence })
    .where('ref', '=', rotation.ref)
    .where('historySequence', '=', rotation.historySequence)
    .returningAll()
    .executeTakeFirstOrThrow()
}

type ItemChanges = Partial<Omit<ItemRow, 'id' | 'rotationRef' | 'organisationId' | 'status' | 'historySequence'>>

/** Moves a locked item and records it. Refuses ILLEGAL_MOVE. Answers the row as it is now. */
export async function moveItem(
  trx: Trx,
  item: ItemRow,
  move: ItemMove,
  to: ItemStatus,
  record: MoveRecord,
  changes: ItemChanges = {},
): Promise<ItemRow> {
  const sequence = item.historySequence + 1
  const step = { itemId: item.id, keyId: item.keyId, move, from: item.status, to, sequence }
  await recordItemMoves(trx, { ...item, ref: item.rotationRef }, [step], record)
  return trx
    .updateTable('item')
    .set({ dueAt: null, ...changes, status: to, historySequence: sequence })
    .where('id', '=', item.id)
    .where('historySequence', '=', item.historySequence)
    .returningAll()
    .executeTakeFirstOrThrow()
}

import { expect, test } from 'vitest'
import {
  ITEM_MOVES,
  type ItemMove,
  type ItemStatus,
  legalRows,
  ROTATION_MOVES,
  type RotationMove,
  type RotationStatus,
} from '../../src/rules/rotations/rotation-lifecycle.ts'
import { itemEventType, rotationEventType, WEBHOOK_EVENT_TYPES } from '../../src/rules/webhooks/events.ts'

function movesOf<Move extends string, Status extends string>(
  table: Record<Move, Partial<Record<string, readonly Status[]>>>,
) {
  const moves = Object.keys(table).filter((name): name is Move => Object.hasOwn(table, name))
  return moves.flatMap((move) => Object.values(table[move]).flatMap((ends) => (ends ?? []).map((to) => ({ move, to }))))
}

const rotationTypes = movesOf<RotationMove, RotationStatus>(ROTATION_MOVES).map(({ move, to }) =>
  rotationEventType(move, to),
)
const itemTypes = movesOf<ItemMove, ItemStatus>(ITEM_MOVES).map(({ move, to }) => itemEventType(move, to))

test('every legal move has a type of the published list, and the list has no type that nothing leads to', () => {
  expect(rotationTypes).toHaveLength(legalRows(ROTATION_MOVES).length)
  expect(itemTypes).toHaveLength(legalRows(ITEM_MOVES).length)
  const told = WEBHOOK_EVENT_TYPES.filter((type) => /^(rotation|item)\./.test(type))
  expect(new Set([...rotationTypes, ...itemTypes])).toEqual(new Set(told))
})

test('types are written as the specification advises: words with full stops between them', () => {
  for (const type of WEBHOOK_EVENT_TYPES) expect(type).toMatch(/^[a-z_]+\.[a-z_]+$/)
})

test('a first approval and the last one are told apart', () => {
  expect(rotationEventType('approve', 'submitted')).toBe('rotation.approved')
  expect(rotationEventType('approve', 'scheduled')).toBe('rotation.scheduled')
})

import { describe, expect, test } from 'vitest'
import {
  ITEM_MOVES,
  ITEM_STATUSES,
  type ItemStatus,
  isEnded,
  itemMayMove,
  legalRows,
  ROTATION_MOVES,
  ROTATION_STATUSES,
  rotationMayMove,
  statusFromItems,
} from '../../src/rules/rotations/rotation-lifecycle.ts'
import { openTestDatabase } from '../support/database.ts'

// The table of design.md, written down a second time: move, status before, statuses after.
const ROTATIONS: Record<string, string> = {
  'submit new': 'submitted',
  'ask submitted': 'needs_info',
  'answer needs_info': 'submitted',
  'approve submitted': 'submitted scheduled',
  'reject submitted': 'rejected',
  'reject needs_info': 'rejected',
  'withdraw submitted': 'withdrawn',
  'withdraw needs_info': 'withdrawn',
  'withdraw scheduled': 'withdrawn',
  'expire submitted': 'expired',
  'expire needs_info': 'expired',
  'execute scheduled': 'executing needs_attention',
  'settle executing': 'overlap needs_attention completed rolled_back',
  'settle overlap': 'completed rolled_back needs_attention',
  'settle needs_attention': 'executing overlap completed rolled_back',
  'retry needs_attention': 'executing submitted',
  'close submitted': 'closed',
  'close needs_info': 'closed',
  'close scheduled': 'closed',
  'close executing': 'closed',
  'close overlap': 'closed',
  'close needs_attention': 'closed',
}
const ITEMS: Record<string, string> = {
  'add new': 'pending',
  'execute pending': 'overlap',
  'skip pending': 'skipped',
  'fail pending': 'failed',
  'cancel pending': 'cancelled',
  'cancel failed': 'cancelled',
  'retry failed': 'pending',
  'retire overlap': 'retired',
  'revoke_early overlap': 'retired',
  'roll_back overlap': 'rolled_back',
}

function keysOf<T extends object>(table: T): (keyof T)[] {
  return Object.keys(table).filter((key): key is Extract<keyof T, string> => key in table)
}

describe('every status and every move of a rotation', () => {
  const cases = keysOf(ROTATION_MOVES).flatMap((move) =>
    (['new', ...ROTATION_STATUSES] as const).flatMap((from) => ROTATION_STATUSES.map((to) => ({ move, from, to }))),
  )
  test.each(cases)('$move from $from to $to', ({ move, from, to }) => {
    const legal = (ROTATIONS[`${move} ${from}`] ?? '').split(' ').includes(to)
    expect(rotationMayMove(move, from, to)).toBe(legal)
  })
})

describe('every status and every move of an item', () => {
  const cases = keysOf(ITEM_MOVES).flatMap((move) =>
    (['new', ...ITEM_STATUSES] as const).flatMap((from) => ITEM_STATUSES.map((to) => ({ move, from, to }))),
  )
  test.each(cases)('$move from $from to $to', ({ move, from, to }) => {
    const legal = (ITEMS[`${move} ${from}`] ?? '').split(' ').includes(to)
    expect(itemMayMove(move, from, to)).toBe(legal)
  })
})

test('a move without its end asks whether any end is legal', () => {
  expect(rotationMayMove('withdraw', 'scheduled')).toBe(true)
  expect(rotationMayMove('withdraw', 'executing')).toBe(false)
})

test('no move leaves an ended rotation', () => {
  for (const status of ROTATION_STATUSES.filter(isEnded)) {
    for (const move of keysOf(ROTATION_MOVES)) expect(rotationMayMove(move, status)).toBe(false)
  }
})

test.each<[ItemStatus[], string]>([
  [['pending', 'overlap'], 'executing'],
  [['pending', 'failed'], 'executing'],
  [['failed', 'overlap'], 'needs_attention'],
  [['failed', 'retired'], 'needs_attention'],
  [['overlap', 'retired', 'skipped'], 'overlap'],
  [['overlap', 'rolled_back'], 'overlap'],
  [['retired', 'skipped'], 'completed'],
  [['skipped'], 'completed'],
  [['retired', 'rolled_back'], 'completed'],
  [['rolled_back', 'rolled_back'], 'rolled_back'],
  [['cancelled', 'retired'], 'completed'],
])('a started rotation whose items are %j is %s', (items, status) => {
  expect(statusFromItems(items)).toBe(status)
})

test('the database holds the same tables', async () => {
  const { db } = await openTestDatabase()
  for (const [table, moves] of [
    ['legalRotationMove', ROTATION_MOVES],
    ['legalItemMove', ITEM_MOVES],
  ] as const) {
    const rows = await db.selectFrom(table).select(['move', 'fromStatus as from', 'toStatus as to']).execute()
    const text = (row: { move: string; from: string; to: string }) => `${row.move} ${row.from} ${row.to}`
    expect(rows.map(text).toSorted()).toEqual(legalRows(moves).map(text).toSorted())
  }
})

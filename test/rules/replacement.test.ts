import { expect, test } from 'vitest'
import { barFromReplacing } from '../../src/rules/rotations/replacement.ts'
import { isEnded, ROTATION_STATUSES, rotationMayMove } from '../../src/rules/rotations/rotation-lifecycle.ts'

type Replaced = Parameters<typeof barFromReplacing>[0]
type Replacing = Parameters<typeof barFromReplacing>[1]

const PENDING = { keyId: 'key_a', status: 'pending' as const }
const OVERLAPPING = [
  { keyId: 'key_a', status: 'overlap' as const },
  { keyId: 'key_b', status: 'overlap' as const },
]
const ROUTINE: Replaced = { ref: 'ROT-1', status: 'scheduled', reason: 'scheduled', items: [PENDING] }
const LEAK: Replacing = { reason: 'compromised', keyIds: ['key_a'], onBehalf: false }

test.each<[string, Partial<Replaced>, Partial<Replacing>, string | undefined]>([
  ['a leak replaces a routine rotation', {}, {}, undefined],
  ['no other reason does', {}, { reason: 'suspected' }, 'INVALID_REQUEST'],
  ['a leak replaces no leak', { reason: 'compromised' }, {}, 'ROTATION_IN_PROGRESS'],
  ['what is over cannot be replaced', { status: 'completed' }, {}, 'ILLEGAL_MOVE'],
  ['one of the keys has to be in it', {}, { keyIds: ['key_z'] }, 'INVALID_REQUEST'],
  ['and still wait there', { items: [{ keyId: 'key_a', status: 'skipped' }] }, {}, 'INVALID_REQUEST'],
  ['a failed key counts', { items: [{ keyId: 'key_a', status: 'failed' }] }, {}, undefined],
  ['a pending key left out is cancelled', { items: [PENDING, { keyId: 'key_b', status: 'pending' }] }, {}, undefined],
  ['a key in overlap left out is not stopped', { items: OVERLAPPING }, {}, 'ROTATION_IN_PROGRESS'],
  ['all keys in overlap named', { items: OVERLAPPING }, { keyIds: ['key_a', 'key_b', 'key_c'] }, undefined],
  [
    'an agent alone stops no key',
    { items: OVERLAPPING },
    { keyIds: ['key_a', 'key_b'], onBehalf: true },
    'NOT_ALLOWED',
  ],
  ['an agent may replace what has not begun', {}, { onBehalf: true }, undefined],
])('%s', (_, replaced, replacing, code) => {
  expect(barFromReplacing({ ...ROUTINE, ...replaced }, { ...LEAK, ...replacing })?.code).toBe(code)
})

test('a live rotation can be closed as replaced wherever it stands', () => {
  for (const status of ROTATION_STATUSES.filter((each) => !isEnded(each))) {
    expect(barFromReplacing({ ...ROUTINE, status }, LEAK)).toBeNull()
    expect(rotationMayMove('close', status, 'closed')).toBe(true)
  }
})

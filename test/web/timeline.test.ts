import { describe, expect, test } from 'vitest'
import type { RotationEvent } from '../../src/database/audit/trail.ts'
import { ITEM_MOVES, legalRows, ROTATION_MOVES } from '../../src/rules/rotations/rotation-lifecycle.ts'
import { timeline } from '../../src/web/shown/timeline.ts'
import { WORDS } from '../../src/web/shown/timeline-words.ts'

const ADA = { id: 'per_ada', name: 'Ada' }
let minute = 0

function event(action: string, more: Partial<RotationEvent> = {}): RotationEvent {
  minute += 60
  const at = new Date(Date.UTC(2026, 10, 21, 8, minute))
  return { at, action, actor: ADA, facts: {}, message: null, names: new Map(), ...more }
}

function told(...events: RotationEvent[]) {
  return timeline(events, 'UTC')
}

const text = (kind: 'message' | 'note' | 'question' | 'answer', fromStaff: boolean) => ({
  message: { id: 'msg_1', kind, fromStaff, body: 'Two lines\nof text.' },
})

describe('the timeline', () => {
  test('tells the oldest first', () => {
    const entries = told(
      event('rotation.submit'),
      event('rotation.ask', text('question', true)),
      event('rotation.withdraw'),
    )
    expect(entries.map((entry) => entry.what)).toEqual(['Filed', 'Question from the desk', 'Withdrawn'])
  })

  test('has words for every move of a rotation, whatever it led to', () => {
    for (const { move, to } of legalRows(ROTATION_MOVES)) {
      expect(WORDS[`rotation.${move}`], move).toBeTruthy()
      // The step from needing attention to making keys is told by whoever tried again.
      if (move === 'settle' && to === 'executing') continue
      expect(told(event(`rotation.${move}`, { facts: { to } })), `${move} to ${to}`).toHaveLength(1)
    }
  })

  test('has words for every move of an item that nothing else tells', () => {
    for (const { move } of legalRows(ITEM_MOVES)) {
      expect(told(event(`item.${move}`)), move).toHaveLength(['add', 'cancel'].includes(move) ? 0 : 1)
    }
  })

  test('leaves out nothing that it has no words for yet', () => {
    expect(told(event('rotation.turn_around'))).toMatchObject([{ what: 'Turn around', who: 'Ada' }])
  })

  test.each([
    ['rotation.ask', 'question', true, 'desk'],
    ['rotation.answer', 'answer', false, 'customer'],
    ['rotation.message', 'message', true, 'desk'],
    ['rotation.message', 'message', false, 'customer'],
    ['rotation.note', 'note', true, 'note'],
  ] as const)('tells the words of a %s, a %s (staff: %s), as those of the %s', (action, kind, fromStaff, tone) => {
    expect(told(event(action, text(kind, fromStaff)))).toMatchObject([{ text: 'Two lines\nof text.', tone }])
  })

  test('tells what an answer changed, old and new, in words', () => {
    const facts = {
      changed: ['reason', 'details', 'notBefore', 'overlapSeconds'],
      reasonBefore: 'scheduled',
      reasonAfter: 'lost',
      detailsBefore: '',
      detailsAfter: 'Lost on a train.',
      notBeforeBefore: '2026-12-02T08:00:00.000Z',
      notBeforeAfter: null,
      overlapSecondsBefore: 86_400,
      overlapSecondsAfter: 0,
    }
    const [entry] = told(event('rotation.answer', { facts, ...text('answer', false) }))
    expect(entry?.what).toBe('Answered, and changed the request')
    expect(entry?.changes).toEqual([
      { label: 'Reason', before: 'Scheduled rotation', after: 'A key was lost' },
      { label: 'Details', before: 'none', after: 'Lost on a train.' },
      { label: 'Earliest start', before: 'Wed 2 Dec 2026, 08:00 UTC', after: 'as soon as approved' },
      { label: 'How long the old keys work', before: '1 day', after: 'not at all' },
    ])
  })

  test('tells for whom something was filed, and how the caller was verified', () => {
    const facts = { onBehalfOf: 'per_bo', verifiedBy: 'Called back.', replaces: 'ROT-1001' }
    expect(told(event('rotation.submit', { facts, names: new Map([['per_bo', 'Bo']]) }))).toMatchObject([
      { what: 'Filed on behalf of Bo, in place of ROT-1001', text: 'Called back.' },
    ])
  })

  test('tells who looks after it from then on', () => {
    const names = new Map([['per_gia', 'Gia']])
    const given = told(
      event('rotation.assign', { facts: { assignee: 'per_gia' }, names }),
      event('rotation.assign', { facts: { assignee: 'per_gia' }, names, actor: { id: 'per_gia', name: 'Gia' } }),
      event('rotation.assign', { facts: { assignee: null }, names }),
    )
    expect(given.map((entry) => entry.what)).toEqual(['Given to Gia', 'Taken on', 'Given back, nobody looks after it'])
  })

  test('tells of keys that were made in a row as of one thing', () => {
    const at = new Date()
    const made = [1, 2, 3, 4].map(() => event('item.execute', { at }))
    expect(told(...made)).toMatchObject([{ what: '4 new keys made' }])
  })
})

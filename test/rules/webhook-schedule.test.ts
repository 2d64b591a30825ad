import { expect, test } from 'vitest'
import {
  nextAttemptInSeconds,
  pauseSeconds,
  readRetryAfter,
  WEBHOOK_ATTEMPTS,
} from '../../src/rules/webhooks/schedule.ts'

const waits = (chance: number) =>
  Array.from({ length: WEBHOOK_ATTEMPTS }, (_, i) => nextAttemptInSeconds(i + 1, chance, null))

test('waits follow the schedule of the standard, 75 hours and 35 minutes in all', () => {
  const schedule = waits(0)
  expect(schedule).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, null])
  expect(schedule.reduce((sum: number, wait) => sum + (wait ?? 0), 0)).toBe(75 * 3_600 + 35 * 60 + 5)
})

test('chance makes each wait longer by a tenth at most', () => {
  const longest = waits(1)
  waits(0).forEach((wait, i) => {
    if (wait !== null) expect(longest[i]).toBeCloseTo(wait * 1.1)
  })
})

test('an endpoint may ask for a longer wait, within a day, never for a shorter one', () => {
  expect(nextAttemptInSeconds(1, 0, 60)).toBe(60)
  expect(nextAttemptInSeconds(2, 0, 60)).toBe(300)
  expect(nextAttemptInSeconds(1, 0, 10_000_000)).toBe(86_400)
  expect(nextAttemptInSeconds(WEBHOOK_ATTEMPTS, 0, 60)).toBeNull()
  expect([pauseSeconds(null), pauseSeconds(0), pauseSeconds(7), pauseSeconds(1e9)]).toEqual([null, null, 7, 86_400])
})

test('Retry-After is read in seconds and as a date; anything else asks for nothing', () => {
  const now = new Date('2026-12-02T08:00:00Z')
  expect(readRetryAfter('120', now)).toBe(120)
  expect(readRetryAfter('Wed, 02 Dec 2026 08:01:00 GMT', now)).toBe(60)
  expect(readRetryAfter('Wed, 02 Dec 2026 07:00:00 GMT', now)).toBe(0)
  for (const odd of [undefined, '', 'soon', '-5', '1.5', '1e9', '9999999999', '2026-12-02', 'Xxx, 99']) {
    expect(readRetryAfter(odd, now)).toBeNull()
  }
})

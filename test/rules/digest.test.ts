import { expect, test } from 'vitest'
import { digestDay, isInTime, nextDigestTime } from '../../src/rules/digest.ts'

function next(now: string, timeZone: string): string {
  return nextDigestTime(new Date(now), timeZone).toISOString()
}

test('the next daily letter is due at the next 08:00 by its reader’s clocks', () => {
  expect(next('2026-11-21T06:59:59.999Z', 'Europe/Zurich')).toBe('2026-11-21T07:00:00.000Z')
  expect(next('2026-11-21T07:00:00Z', 'Europe/Zurich')).toBe('2026-11-22T07:00:00.000Z')
  expect(next('2026-11-21T12:00:00Z', 'Asia/Tokyo')).toBe('2026-11-21T23:00:00.000Z')
  expect(next('2026-11-21T12:00:00Z', 'America/Los_Angeles')).toBe('2026-11-21T16:00:00.000Z')
  expect(next('2026-11-21T12:00:00Z', 'Pacific/Kiritimati')).toBe('2026-11-21T18:00:00.000Z')
  expect(next('2026-12-31T12:00:00Z', 'UTC')).toBe('2027-01-01T08:00:00.000Z')
})

test('clocks that change leave it at 08:00', () => {
  expect(next('2026-10-24T12:00:00Z', 'Europe/Zurich')).toBe('2026-10-25T07:00:00.000Z')
  expect(next('2026-03-28T12:00:00Z', 'Europe/Zurich')).toBe('2026-03-29T06:00:00.000Z')
})

test('a date that clocks skip has none', () => {
  expect(next('2011-12-29T20:00:00Z', 'Pacific/Apia')).toBe('2011-12-30T18:00:00.000Z')
})

test('it is left out when whoever writes it comes more than six hours late', () => {
  const due = new Date('2026-11-21T07:00:00Z')
  expect(isInTime(due, due)).toBe(true)
  expect(isInTime(due, new Date('2026-11-21T12:59:59.999Z'))).toBe(true)
  expect(isInTime(due, new Date('2026-11-21T13:00:00Z'))).toBe(false)
  expect(isInTime(new Date(0), due)).toBe(false)
  expect(isInTime(due, new Date('2026-11-21T06:59:59.999Z'))).toBe(false)
})

test('it is of the day that its reader’s clocks show', () => {
  expect(digestDay(new Date('2026-11-21T23:00:00Z'), 'Asia/Tokyo')).toBe('2026-11-22')
})

import { fc, test as fuzz } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { parseLocalTime } from '../../src/rules/text/local-times.ts'

describe('a local time', () => {
  test.for([
    ['2026-12-02T09:00', 'Europe/Zurich', '2026-12-02T08:00:00.000Z'],
    ['2026-07-02T09:00', 'Europe/Zurich', '2026-07-02T07:00:00.000Z'],
    ['2026-12-02T09:00', 'UTC', '2026-12-02T09:00:00.000Z'],
    ['2026-12-02T09:00:30', 'Asia/Kolkata', '2026-12-02T03:30:00.000Z'],
    ['2026-12-02T00:30', 'Pacific/Auckland', '2026-12-01T11:30:00.000Z'],
    ['2028-02-29T12:00', 'America/New_York', '2028-02-29T17:00:00.000Z'],
  ] as const)('%s in %s is %s', ([text, timeZone, utc]) => {
    expect(parseLocalTime(text, timeZone)?.toISOString()).toBe(utc)
  })

  test('that the clocks skip is the one an hour later', () => {
    expect(parseLocalTime('2026-03-29T02:30', 'Europe/Zurich')?.toISOString()).toBe('2026-03-29T01:30:00.000Z')
  })

  test('that the clocks show twice is the first of the two', () => {
    expect(parseLocalTime('2026-10-25T02:30', 'Europe/Zurich')?.toISOString()).toBe('2026-10-25T00:30:00.000Z')
  })

  test.for(['', 'tomorrow', '2026-02-30T09:00', '2026-13-01T09:00', '2026-12-02T24:00', '2026-12-02 09:00'])(
    'is not read from %j',
    (text) => {
      expect(parseLocalTime(text, 'UTC')).toBeNull()
    },
  )

  fuzz.prop([
    fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
    fc.constantFrom('UTC', 'Asia/Kolkata', 'Asia/Tokyo', 'America/Caracas'),
  ])('shown in a form and read back is the same minute, where clocks never change', (date, timeZone) => {
    const minute = Math.floor(date.getTime() / 60_000) * 60_000
    const shown = date.toLocaleString('sv-SE', { timeZone }).slice(0, 16).replace(' ', 'T')
    expect(parseLocalTime(shown, timeZone)?.getTime()).toBe(minute)
  })
})

test('a time that is of the year 10000 in UTC is none, since it could not be written', () => {
  expect(parseLocalTime('9999-12-31T23:30', 'America/New_York')).toBeNull()
  expect(parseLocalTime('9999-12-31T23:30', 'UTC')).toEqual(new Date('9999-12-31T23:30:00Z'))
})

import { describe, expect, test } from 'vitest'
import { formatTime } from '../../src/rules/text/times.ts'

describe('a time is absolute, in the zone of its reader and in UTC', () => {
  test.each([
    ['2026-12-02T08:00:00Z', 'Europe/Zurich', 'Wed 2 Dec 2026, 09:00 CET (08:00 UTC)'],
    ['2026-07-02T08:00:00Z', 'Europe/Zurich', 'Thu 2 Jul 2026, 10:00 CEST (08:00 UTC)'],
    ['2026-12-02T08:00:00Z', 'America/New_York', 'Wed 2 Dec 2026, 03:00 EST (08:00 UTC)'],
    ['2026-12-02T08:00:00Z', 'Europe/London', 'Wed 2 Dec 2026, 08:00 GMT (08:00 UTC)'],
    ['2026-12-02T08:00:00Z', 'UTC', 'Wed 2 Dec 2026, 08:00 UTC'],
    ['2026-09-02T08:00:00Z', 'UTC', 'Wed 2 Sep 2026, 08:00 UTC'],
    ['2026-12-02T00:00:00Z', 'UTC', 'Wed 2 Dec 2026, 00:00 UTC'],
    // where it is another day there, UTC's is named too
    ['2026-12-02T20:00:00Z', 'Asia/Tokyo', 'Thu 3 Dec 2026, 05:00 UTC+9 (Wed 2 Dec 2026, 20:00 UTC)'],
    // the hour that comes twice when summer time ends
    ['2026-10-25T00:30:00Z', 'Europe/Zurich', 'Sun 25 Oct 2026, 02:30 CEST (00:30 UTC)'],
    ['2026-10-25T01:30:00Z', 'Europe/Zurich', 'Sun 25 Oct 2026, 02:30 CET (01:30 UTC)'],
  ])('%s in %s', (time, zone, words) => {
    expect(formatTime(new Date(time), zone)).toBe(words)
  })

  test('cut to the minute, so an end is never shown later than it is', () => {
    expect(formatTime(new Date('2026-12-02T08:00:59.999Z'), 'UTC')).toBe('Wed 2 Dec 2026, 08:00 UTC')
  })

  test('in UTC for a zone that nobody knows', () => {
    expect(formatTime(new Date('2026-12-02T08:00:00Z'), 'Mars/Olympus')).toBe('Wed 2 Dec 2026, 08:00 UTC')
  })
})

const LOCAL = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?$/

/** What the clocks of a time zone show at a moment, as if that were UTC, in milliseconds. */
function wallClock(date: Date, timeZone: string): number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    hourCycle: 'h23',
  })
  const part = new Map(format.formatToParts(date).map(({ type, value }) => [type, Number(value)]))
  const of = (type: Intl.DateTimeFormatPartTypes) => part.get(type) ?? 0
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'))
}

/**
 * The moment at which the clocks of `timeZone` (an IANA name that exists) show "2026-12-02T09:00", as a form's date and time
 * field sends it; null for other text. An hour that clocks skip counts as the one after it, of one they repeat the first is taken.
 */
export function parseLocalTime(text: string, timeZone: string): Date | null {
  const [, year, month, day, hour, minute] = (LOCAL.exec(text) ?? []).map(Number)
  if (year === undefined || month === undefined || day === undefined) return null
  const wanted = Date.UTC(year, month - 1, day, hour, minute)
  if (new Date(wanted).getUTCDate() !== day || new Date(wanted).getUTCMonth() !== month - 1) return null
  if ((hour ?? 24) > 23 || (minute ?? 60) > 59) return null
  // A day before and after, the offset is the one on either side of a change of the clocks.
  const offsets = [-86_400_000, 86_400_000].map((away) => {
    const near = new Date(wanted + away)
    return wallClock(near, timeZone) - near.getTime()
  })
  const candidates = offsets.map((offset) => wanted - offset).toSorted((a, b) => a - b)
  const exact = candidates.find((candidate) => wallClock(new Date(candidate), timeZone) === wanted)
  const found = new Date(exact ?? Math.max(...candidates))
  // the last hours of 9999 are those of the year 10000 elsewhere, which RFC 3339 can't write
  return found.getUTCFullYear() > 9999 || found.getUTCFullYear() < 1 ? null : found
}

/** The other way round: what a date and time field shows for a moment on the clocks of `timeZone`, to the minute. */
export function localTime(date: Date, timeZone: string): string {
  return new Date(wallClock(date, timeZone)).toISOString().slice(0, 16)
}

/** The date that the clocks of `timeZone` show at a moment: "2026-12-02". */
export function localDate(date: Date, timeZone: string): string {
  return new Date(wallClock(date, timeZone)).toISOString().slice(0, 10)
}

import { localDate, parseLocalTime } from './text/local-times.ts'

/** By the clocks of its reader. */
const DIGEST_TIME = '08:00'
/** A worker that comes later than this leaves it to the next day, so that nobody gets two in a few hours or one at night. */
const LATE_MILLISECONDS = 6 * 3_600_000
const DAY_MILLISECONDS = 86_400_000
/** A digest lists so many rows, and counts the rest. */
export const DIGEST_ROWS = 10

function dayAfter(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + DAY_MILLISECONDS).toISOString().slice(0, 10)
}

/** The next 08:00 in the time zone, after `now`. */
export function nextDigestTime(now: Date, timeZone: string): Date {
  let date = localDate(now, timeZone)
  for (;;) {
    const time = parseLocalTime(`${date}T${DIGEST_TIME}`, timeZone)
    if (time !== null && time > now) return time
    date = dayAfter(date)
  }
}

/** Whether a digest due at that time may still be sent. */
export function isInTime(dueAt: Date, now: Date): boolean {
  return dueAt <= now && now.getTime() - dueAt.getTime() < LATE_MILLISECONDS
}

/** The day that a digest is of, by its reader's clocks: nobody gets two of one. */
export function digestDay(dueAt: Date, timeZone: string): string {
  return localDate(dueAt, timeZone)
}

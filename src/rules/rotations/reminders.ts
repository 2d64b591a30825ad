import { DAY_SECONDS } from './overlap.ts'

const HOUR_SECONDS = 3_600
/** So long before an old key stops people are reminded of it; the last time only when something needs it still. */
const END_LEADS_SECONDS = [7 * DAY_SECONDS, DAY_SECONDS, HOUR_SECONDS] as const
const LAST_LEAD_SECONDS = HOUR_SECONDS
/** So long after a new key was made somebody should have picked it up. */
const PICK_UP_AFTER_SECONDS = DAY_SECONDS
/** Two reminders closer than this would say the same twice. */
const APART_SECONDS = DAY_SECONDS / 2
/** An old key used within this is in use. */
const IN_USE_SECONDS = DAY_SECONDS

function before(end: Date, seconds: number): Date {
  return new Date(end.getTime() - seconds * 1000)
}

/** When people are reminded that an old key stops at `end`: 7 days, 1 day and 1 hour before, as far as these are still to come. */
export function endReminderTimes(end: Date, now: Date): Date[] {
  return END_LEADS_SECONDS.map((lead) => before(end, lead)).filter((time) => time > now)
}

/**
 * When people are told that nobody has picked up a new key: a day after it was made, and when a third of the overlap is left; not
 * within half a day of each other or of a longer reminder of the end, which says so too.
 */
export function pickUpReminderTimes(generatedAt: Date, end: Date, now: Date): Date[] {
  const overlapSeconds = (end.getTime() - generatedAt.getTime()) / 1000
  const early = new Date(generatedAt.getTime() + PICK_UP_AFTER_SECONDS * 1000)
  const late = before(end, overlapSeconds / 3)
  const said = END_LEADS_SECONDS.filter((lead) => lead !== LAST_LEAD_SECONDS).map((lead) => before(end, lead))
  const isApart = (time: Date) =>
    said.every((other) => Math.abs(time.getTime() - other.getTime()) > APART_SECONDS * 1000)
  const earlyCounts = late.getTime() - early.getTime() > APART_SECONDS * 1000
  return [...(earlyCounts ? [early] : []), late].filter((time) => time > now && isApart(time))
}

/** Whether a reminder of an end comes too late to be true: the time of a later one has come too, or the end itself. */
export function isOvertaken(dueAt: Date, end: Date, now: Date): boolean {
  if (end <= now) return true
  return END_LEADS_SECONDS.some((lead) => before(end, lead) > dueAt && before(end, lead) <= now)
}

/** Whether this is the reminder that goes only where the old key is used, or was not replaced everywhere. */
export function isLastReminder(dueAt: Date, end: Date): boolean {
  return end.getTime() - dueAt.getTime() <= LAST_LEAD_SECONDS * 1000
}

/** Whether a key that was last used at this time is in use. */
export function isInUse(lastUsedAt: Date | null, now: Date): boolean {
  return lastUsedAt !== null && now.getTime() - lastUsedAt.getTime() < IN_USE_SECONDS * 1000
}

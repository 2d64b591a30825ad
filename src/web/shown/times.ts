import { formatTime } from '../../rules/text/times.ts'

/** A moment as the templates take it: for machines, in full, and without UTC beside it where space is short. */
export type ShownTime = { iso: string; text: string; short: string }

export function shownTime(date: Date, timeZone: string): ShownTime {
  const text = formatTime(date, timeZone)
  return { iso: date.toISOString(), text, short: text.replace(/ \(.*\)$/, '') }
}

export function shownTimeOrNull(date: Date | null, timeZone: string): ShownTime | null {
  return date === null ? null : shownTime(date, timeZone)
}

const UNITS: readonly (readonly [seconds: number, unit: Intl.RelativeTimeFormatUnit])[] = [
  [31_557_600, 'year'],
  [2_629_800, 'month'],
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
]
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'always' })

/** "8 months ago", "3 minutes ago", "just now"; only ever beside the moment itself. */
export function howLongAgo(date: Date, now: Date): string {
  const seconds = (now.getTime() - date.getTime()) / 1000
  const [length, unit] = UNITS.find(([length]) => seconds >= length) ?? [0, 'second']
  return length === 0 ? 'just now' : RELATIVE.format(-Math.floor(seconds / length), unit)
}

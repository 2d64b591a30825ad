const MONTH = /^[1-9]\d{3}-(0[1-9]|1[0-2])$/

/** A month of the calendar in UTC, as it is written: `2026-11`. */
export function isMonth(text: string): boolean {
  return MONTH.test(text)
}

export function monthOf(date: Date): string {
  return date.toISOString().slice(0, 7)
}

function shifted(month: string, by: number): Date {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return new Date(Date.UTC(year, number - 1 + by))
}

/** From its first moment to the first of the next. */
export function monthSpan(month: string): { from: Date; to: Date } {
  return { from: shifted(month, 0), to: shifted(month, 1) }
}

/** So many months, the last of them this one. */
export function monthsUpTo(last: string, number: number): string[] {
  return Array.from({ length: number }, (_, i) => monthOf(shifted(last, i + 1 - number)))
}

/** "November 2026". */
export function monthWord(month: string): string {
  return new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(shifted(month, 0))
}

/** A time zone's short name differs by locale ("CET" is known to en-GB, "EST" to en-US), so they are asked in turn. */
const ZONE_LOCALES = ['en-GB', 'en-US', 'en-AU', 'en-CA', 'en-NZ', 'en-IN', 'en-ZA']

type Moment = { date: string; time: string }

function momentIn(date: Date, timeZone: string): Moment {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const part: Record<string, string> = {}
  for (const { type, value } of format.formatToParts(date)) part[type] = value
  return {
    date: `${part.weekday} ${part.day} ${part.month} ${part.year}`,
    time: `${part.hour}:${part.minute}`,
  }
}

function zoneName(date: Date, timeZone: string): string {
  const names = ZONE_LOCALES.map((locale) => {
    const parts = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'short' }).formatToParts(date)
    return parts.find((part) => part.type === 'timeZoneName')?.value ?? 'UTC'
  })
  const proper = names.find((name) => !/^GMT[+-]/.test(name))
  return proper ?? (names[0] ?? 'UTC').replace('GMT', 'UTC')
}

/** Whether the text names a time zone that this machine knows, such as `Europe/Zurich`. */
export function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: text })
    return true
  } catch {
    return false
  }
}

/**
 * A moment for a person in `timeZone` (an IANA name; an unknown one counts as UTC), cut to the minute:
 * "Wed 2 Dec 2026, 09:00 CET (08:00 UTC)". UTC's date is named too where it is another day.
 */
export function formatTime(date: Date, timeZone: string): string {
  const utc = momentIn(date, 'UTC')
  const zone = isTimeZone(timeZone) ? timeZone : 'UTC'
  const name = zoneName(date, zone)
  if (name === 'UTC') return `${utc.date}, ${utc.time} UTC`
  const local = momentIn(date, zone)
  const beside = utc.date === local.date ? utc.time : `${utc.date}, ${utc.time}`
  return `${local.date}, ${local.time} ${name} (${beside} UTC)`
}

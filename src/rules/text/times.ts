/** A time zone's short name differs by locale ("CET" is known to en-GB, "EST" to en-US), so they are asked in turn. */
const ZONE_LOCALES = ['en-GB', 'en-US', 'en-AU', 'en-CA', 'en-NZ', 'en-IN', 'en-ZA']

type Zone = { calendar: Intl.DateTimeFormat; names: readonly Intl.DateTimeFormat[] }

/** Formats are costly to make and there are some hundred zones, so each is made once. */
const ZONES = new Map<string, Zone>()

function makeZone(timeZone: string): Zone {
  const calendar = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const names = ZONE_LOCALES.map((locale) => new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'short' }))
  return { calendar, names }
}

/** Null for what is no time zone. */
function findZone(timeZone: string): Zone | null {
  const known = ZONES.get(timeZone)
  if (known !== undefined) return known
  try {
    const zone = makeZone(timeZone)
    ZONES.set(timeZone, zone)
    return zone
  } catch {
    return null
  }
}

/** Whether the text names a time zone that this machine knows, such as `Europe/Zurich`. */
export function isTimeZone(text: string): boolean {
  return findZone(text) !== null
}

type Moment = { date: string; time: string }

function momentIn(date: Date, zone: Zone): Moment {
  const part: Record<string, string> = {}
  for (const { type, value } of zone.calendar.formatToParts(date)) part[type] = value
  return {
    date: `${part.weekday} ${part.day} ${part.month} ${part.year}`,
    time: `${part.hour}:${part.minute}`,
  }
}

/** "CET", or "UTC+9" where no locale has a name for it. */
function zoneName(date: Date, zone: Zone): string {
  let name = 'UTC'
  for (const format of zone.names) {
    name = format.formatToParts(date).find((part) => part.type === 'timeZoneName')?.value ?? 'UTC'
    if (!/^GMT[+-]/.test(name)) return name
  }
  return name.replace('GMT', 'UTC')
}

/**
 * A moment for a person in `timeZone` (an IANA name; an unknown one counts as UTC), cut to the minute:
 * "Wed 2 Dec 2026, 09:00 CET (08:00 UTC)". UTC's date is named too where it is another day.
 */
export function formatTime(date: Date, timeZone: string): string {
  const universal = findZone('UTC') ?? makeZone('UTC')
  const utc = momentIn(date, universal)
  const zone = findZone(timeZone) ?? universal
  const name = zoneName(date, zone)
  if (name === 'UTC') return `${utc.date}, ${utc.time} UTC`
  const local = momentIn(date, zone)
  const beside = utc.date === local.date ? utc.time : `${utc.date}, ${utc.time}`
  return `${local.date}, ${local.time} ${name} (${beside} UTC)`
}

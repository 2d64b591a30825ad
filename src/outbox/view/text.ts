import { isolated, oneLine, severalLines } from '../../rules/text/foreign-text.ts'
import { formatTime } from '../../rules/text/times.ts'
import type { Format } from '../compile.ts'

export type Moment = { iso: string; text: string }

/**
 * Foreign text loses the scheme of addresses in it, so that a name or note can't smuggle a second link into a letter that
 * the vendor sends.
 */
function withoutLinks(text: string): string {
  return text.replace(/[a-z][a-z0-9+.-]*:\/\/+/gi, '')
}

/** A name as the format shows it: HTML isolates with `<bdi>`, plain text with the characters for it. */
export function nameIn(format: Format, text: string): string {
  const clean = withoutLinks(oneLine(text))
  return format === 'text' ? isolated(clean) : clean
}

export function nameOrNullIn(format: Format, text: string | null | undefined): string | null {
  return text === null || text === undefined || text === '' ? null : nameIn(format, text)
}

/** The lines of a note; null when there is none. */
export function linesIn(format: Format, text: string): string[] | null {
  const clean = withoutLinks(severalLines(text))
  return clean === '' ? null : clean.split('\n').map((line) => (format === 'text' ? isolated(line) : line))
}

export function moment(time: string, timeZone: string): Moment {
  return { iso: time, text: formatTime(new Date(time), timeZone) }
}

export function momentOrNull(time: string | null | undefined, timeZone: string): Moment | null {
  return time === null || time === undefined ? null : moment(time, timeZone)
}

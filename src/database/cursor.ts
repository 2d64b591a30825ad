import { Refusal } from '../rules/refusals.ts'

/** A place in a list, opaque to clients: the sort values of the last row seen. */
function encodeCursor(values: readonly string[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}

type Pattern = Pick<RegExp, 'test'>

/** Reads a cursor back, each value of which must fit its pattern. Refuses INVALID_REQUEST when it isn't one of ours. */
export function decodeCursor(text: string, patterns: readonly Pattern[]): string[] {
  const values = parse(text)
  const fits = values.length === patterns.length && patterns.every((pattern, i) => pattern.test(values[i] ?? ''))
  if (fits) return values
  throw new Refusal('INVALID_REQUEST', {
    errors: [{ pointer: '/cursor', message: 'Use the nextCursor of an earlier answer, unchanged.' }],
  })
}

function parse(text: string): string[] {
  try {
    const values: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return Array.isArray(values) ? values.map(String) : []
  } catch {
    return []
  }
}

/** A day of the calendar at a time of the clock; PostgreSQL counts no year 0. */
function isTime(text: string): boolean {
  const time = new Date(text)
  return /^(?!0000)\d{4}-/.test(text) && !Number.isNaN(time.getTime()) && time.toISOString() === text
}

/** What cursors hold: ids and references, times as `toISOString` writes them, positions in a chain. */
export const ID = /^[A-Za-z0-9_-]{1,64}$/
export const TIME: Pattern = { test: (text) => text === 'infinity' || isTime(text) }
export const POSITION = /^\d{1,15}$/

export type Page<T> = { items: T[]; nextCursor: string | null }

/** Cuts rows that were read one beyond the limit into a page. */
export function toPage<T>(rows: readonly T[], limit: number, key: (row: T) => readonly string[]): Page<T> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor(key(last)) : null }
}

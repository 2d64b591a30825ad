import type { KeyKind } from '../keys/key-text.ts'
import { cleanName, NAME_PROBLEM, nameProblem } from '../text/names.ts'
import { csvFields } from './csv-fields.ts'

/** A longer line is refused as a whole, so that no file makes us hold more than this of it. */
export const MAX_LINE_CHARACTERS = 4_096
const IMPORT_FIELDS = ['serviceId', 'kind', 'sha256', 'last4', 'name'] as const
type Field = (typeof IMPORT_FIELDS)[number]
const NEEDED: readonly Field[] = ['serviceId', 'kind', 'sha256']

/** A key that exists elsewhere, as one line of a file tells it; `sha256` is of its whole text, in lower-case hex. */
export type ImportedKey = { serviceId: string; kind: KeyKind; sha256: string; last4: string; name: string | null }
export type ReadLine = { line: number } & ({ key: ImportedKey } | { problem: string })

/** A name that somebody else chose, where it is harmless to say. */
function shown(name: string): string {
  return /^[\w -]{1,40}$/.test(name) ? `“${name}”` : 'of another name'
}

function isField(text: string): text is Field {
  const fields: readonly string[] = IMPORT_FIELDS
  return fields.includes(text)
}

/** The columns of a CSV file's first line, or what is wrong with it. Null columns: it is no CSV but NDJSON. */
export function readHeader(firstLine: string): { columns: string[] | null } | { problem: string } {
  if (firstLine.trimStart().startsWith('{')) return { columns: null }
  const columns = csvFields(firstLine)?.map((column) => column.trim()) ?? []
  const unknown = columns.find((column) => !isField(column))
  if (unknown !== undefined) {
    return {
      problem: `The first line names a column ${shown(unknown)}, which there is not. There are ${IMPORT_FIELDS.join(', ')}.`,
    }
  }
  const missing = NEEDED.find((field) => !columns.includes(field))
  if (missing !== undefined) return { problem: `The first line names no column ${missing}.` }
  if (new Set(columns).size < columns.length) return { problem: 'The first line names a column twice.' }
  return { columns }
}

type Fields = Partial<Record<string, unknown>>

function jsonFields(text: string): Fields | string {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
    return 'This is no JSON object.'
  } catch {
    return 'This is no well-formed JSON.'
  }
}

function rowFields(text: string, columns: readonly string[]): Fields | string {
  const values = csvFields(text)
  if (values === null) return 'A quotation mark in this row is not closed, or stands where none may.'
  if (values.length !== columns.length)
    return `This row has ${values.length} fields where the first has ${columns.length}.`
  const filled = columns.map((column, i) => [column, values[i] ?? ''] as const).filter(([, value]) => value !== '')
  return Object.fromEntries(filled)
}

/** What is wrong with the fields, in the order in which people mend them; null when nothing is. */
function problemOf({ serviceId, kind, sha256, last4, name, ...others }: Fields): string | null {
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) return `There is no field ${shown(unknown)}.`
  if (typeof serviceId !== 'string' || !/^svc_[0-9a-z]{1,60}$/.test(serviceId))
    return 'serviceId is not the id of a service.'
  if (kind !== 'auth' && kind !== 'admin') return 'kind is not “auth” or “admin”.'
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256)) return 'sha256 is not 64 hexadecimal digits.'
  const fitsLast4 =
    last4 === undefined || last4 === null || (typeof last4 === 'string' && /^[\x21-\x7e]{1,4}$/.test(last4))
  if (!fitsLast4) return 'last4 is not 1 to 4 visible characters.'
  if (name === undefined || name === null) return null
  const problem = typeof name === 'string' ? nameProblem(name) : NAME_PROBLEM
  return problem === null ? null : `name: ${problem}`
}

function readFields(text: string, columns: readonly string[] | null): Fields | string {
  if (text.length > MAX_LINE_CHARACTERS) return `This line is longer than ${MAX_LINE_CHARACTERS} characters.`
  return columns === null ? jsonFields(text) : rowFields(text, columns)
}

/** One line of a file, or what is wrong with it as a sentence. An empty line is none. Never shows more of it than a field's name. */
export function readLine(text: string, line: number, columns: readonly string[] | null): ReadLine | null {
  if (text.trim() === '') return null
  const fields = readFields(text, columns)
  if (typeof fields === 'string') return { line, problem: fields }
  const problem = problemOf(fields)
  if (problem !== null) return { line, problem }
  const { serviceId, kind, sha256, last4, name } = fields
  const key = {
    serviceId: String(serviceId),
    kind: kind === 'admin' ? ('admin' as const) : ('auth' as const),
    sha256: String(sha256).toLowerCase(),
    last4: typeof last4 === 'string' ? last4 : '',
    name: typeof name === 'string' ? cleanName(name) : null,
  }
  return { line, key }
}

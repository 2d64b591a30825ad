import { type FieldError, REFUSALS, Refusal } from '../refusals.ts'
import { severalLines } from '../text/foreign-text.ts'
import { cleanName, NAME_PROBLEM } from '../text/names.ts'
import { PERMISSION_WORDS } from '../text/words.ts'
import { cleanRanges } from './addresses.ts'
import { containsSecret } from './secret-text.ts'
import type { Permission } from './verdict.ts'

/** What people set for a key; all of it holds for every version it has and will have. */
export type KeyFields = {
  name: string
  description: string
  permission: Permission
  /** Where it may be used from; anywhere when there are none. */
  ipRanges: readonly string[]
  /** Which datasets calls with it may name. */
  datasets: readonly string[]
}

/** What is given of them; undefined is not given. */
export type GivenFields = { [Name in keyof KeyFields]?: KeyFields[Name] | undefined }

const MAX_DATASETS = 100
const MAX_DESCRIPTION_LENGTH = 500

type Cleaned<T> = { value: T; problem?: undefined } | { problem: string }

function clean(text: string): Cleaned<string> {
  const name = cleanName(text)
  if (name === null) return { problem: NAME_PROBLEM }
  return containsSecret(name) ? { problem: REFUSALS.CONTAINS_SECRET } : { value: name }
}

function cleanDescription(text: string): Cleaned<string> {
  const value = severalLines(text)
  if (value.length > MAX_DESCRIPTION_LENGTH) return { problem: `Use at most ${MAX_DESCRIPTION_LENGTH} characters.` }
  return containsSecret(value) ? { problem: REFUSALS.CONTAINS_SECRET } : { value }
}

function cleanIpRanges(texts: readonly string[]): Cleaned<string[]> {
  const cleaned = cleanRanges(texts)
  return 'problem' in cleaned ? cleaned : { value: cleaned.ranges }
}

function cleanDatasets(texts: readonly string[]): Cleaned<string[]> {
  const cleaned = texts.map(clean)
  const problem = cleaned.find((each) => each.problem !== undefined)?.problem
  if (problem !== undefined) return { problem: `A dataset’s name: ${problem}` }
  const names = [...new Set(cleaned.flatMap((each) => ('value' in each ? each.value : [])))]
  return names.length > MAX_DATASETS ? { problem: `Give at most ${MAX_DATASETS} datasets.` } : { value: names }
}

function kept<T>(errors: FieldError[], pointer: string, cleaned: Cleaned<T> | undefined): T | undefined {
  if (cleaned === undefined) return undefined
  if (cleaned.problem === undefined) return cleaned.value
  errors.push({ pointer, message: cleaned.problem })
  return undefined
}

/**
 * What was given of a key's fields, as it is stored: names in NFC, ranges and datasets in one way of writing them and each once. What
 * wasn't given is left out. Refuses INVALID_REQUEST with every field that is not as it should be.
 */
export function checkedFields(given: GivenFields): Partial<KeyFields> {
  const errors: FieldError[] = []
  const { name, description, permission, ipRanges, datasets } = given
  const checked = {
    name: kept(errors, '/name', name === undefined ? undefined : clean(name)),
    description: kept(errors, '/description', description === undefined ? undefined : cleanDescription(description)),
    permission,
    ipRanges: kept(errors, '/ipRanges', ipRanges && cleanIpRanges(ipRanges)),
    datasets: kept(errors, '/datasets', datasets && cleanDatasets(datasets)),
  }
  if (errors.length > 0) throw new Refusal('INVALID_REQUEST', { errors })
  return Object.fromEntries(Object.entries(checked).filter(([, value]) => value !== undefined))
}

/** Refuses INVALID_REQUEST when a key would have ended before it is made. */
export function refuseExpired(expiresAt: Date | null, now: Date): void {
  if (expiresAt === null || expiresAt > now) return
  const errors = [{ pointer: '/expiresAt', message: 'Give a time that is still to come.' }]
  throw new Refusal('INVALID_REQUEST', { errors })
}

/** Lists are sets: the order in which somebody wrote them means nothing. */
function comparable(value: KeyFields[keyof KeyFields] | undefined): string {
  return JSON.stringify(typeof value === 'object' ? value.toSorted() : value)
}

/** Which of the wanted fields differ from what a key has. */
export function changedFields(key: KeyFields, wanted: Partial<KeyFields>): (keyof KeyFields)[] {
  const names = ['name', 'description', 'permission', 'ipRanges', 'datasets'] as const
  return names.filter((name) => wanted[name] !== undefined && comparable(key[name]) !== comparable(wanted[name]))
}

const LABELS = {
  name: 'Name',
  description: 'Description',
  permission: 'Permission',
  ipRanges: 'May be used from',
  datasets: 'Datasets',
} as const satisfies Record<keyof KeyFields, string>

function fieldText(name: keyof KeyFields, fields: KeyFields): string {
  if (name === 'permission') return PERMISSION_WORDS[fields.permission]
  if (name === 'ipRanges') return fields.ipRanges.join(', ') || 'anywhere'
  if (name === 'datasets') return fields.datasets.join(', ') || 'none'
  return fields[name].replaceAll('\n', ' ') || 'none'
}

/** Each of these fields in a line of its own, as letters tell them; beside what it was before, where there was something. */
export function fieldLines(names: readonly (keyof KeyFields)[], after: KeyFields, before?: KeyFields): string[] {
  return names.map((name) => {
    const was = before === undefined ? '' : ` (before: ${fieldText(name, before)})`
    return `${LABELS[name]}: ${fieldText(name, after)}${was}`
  })
}

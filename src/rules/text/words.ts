import type { Environment, KeyKind } from '../keys/key-text.ts'
import type { Permission } from '../keys/verdict.ts'
import type { Role } from '../permissions.ts'
import type { Reason } from '../rotations/approvals.ts'
import type { Clock } from '../rotations/overlap.ts'
import { isolated } from './foreign-text.ts'

export const REASON_WORDS = {
  compromised: 'A key was leaked or stolen',
  suspected: 'A key may have been seen by others',
  lost: 'A key was lost',
  staff_change: 'Somebody who knew a key left or changed role',
  scheduled: 'Scheduled rotation',
  other: 'Another reason',
} as const satisfies Record<Reason, string>

export const KIND_WORDS = { auth: 'Auth key', admin: 'Admin key' } as const satisfies Record<KeyKind, string>

/** What a key is called where its service is named beside it: "Auth key", or "Ledger (Auth key)" once somebody gave it a name of its own. */
export function keyWords({ kind, name }: { kind: KeyKind; name: string }): string {
  const word = KIND_WORDS[kind]
  return name === word || name === '' ? word : `${isolated(name)} (${word})`
}

/** A key with its service, for whoever sees neither beside it: `Auth key “Ledger” of Payments EU (live)`. */
export function keyInService(key: { kind: KeyKind; name: string; service: string; environment: Environment }): string {
  const word = KIND_WORDS[key.kind]
  const named = key.name === word || key.name === '' ? word : `${word} “${key.name}”`
  return `${named} of ${key.service} (${key.environment})`
}

export const PERMISSION_WORDS = {
  read_only: 'Read only',
  read_write: 'Read and write',
  admin: 'Admin',
} as const satisfies Record<Permission, string>

export const ENVIRONMENT_WORDS = { live: 'live', sandbox: 'sandbox' } as const satisfies Record<Environment, string>

export const ROLE_WORDS = {
  owner: 'owner',
  developer: 'developer',
  viewer: 'viewer',
  agent: 'support agent',
  admin: 'administrator',
} as const satisfies Record<Role, string>

const UNITS: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
]

const UNIT_TEXTS = [
  { seconds: 86_400, texts: ['d', 'day', 'days'] },
  { seconds: 3_600, texts: ['h', 'hour', 'hours'] },
  { seconds: 60, texts: ['m', 'min', 'mins', 'minute', 'minutes'] },
  { seconds: 1, texts: ['s', 'sec', 'second', 'seconds'] },
] as const satisfies readonly { seconds: number; texts: readonly string[] }[]

/** "1 key", "3 keys". */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** "a", "a and b", "a, b and c". */
export function joinWords(words: readonly string[]): string {
  const last = words.at(-1) ?? ''
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`
}

/** A duration in whole seconds, exactly: "30 days", "1 hour", "1 day, 2 hours and 5 seconds"; none is "no time". */
export function durationInWords(seconds: number): string {
  let rest = seconds
  const parts: string[] = []
  for (const [length, unit] of UNITS) {
    const whole = Math.floor(rest / length)
    rest -= whole * length
    if (whole > 0) parts.push(count(whole, unit))
  }
  return parts.length === 0 ? 'no time' : joinWords(parts)
}

/**
 * Seconds of a duration as people write it, and as `durationInWords` does: "12 hours", "1 day, 2 hours and 5 seconds", "1.5 days", "90 min";
 * a bare number counts in `unitSeconds`. Undefined where it is none.
 */
export function secondsOf(text: string, unitSeconds: number): number | undefined {
  const parts = text
    .trim()
    .toLowerCase()
    .split(/\s*(?:,\s+|\band\b)\s*|(?<=[a-z])\s+(?=\d)/)
  const lengths = parts.map((part) => {
    const [, number = '', unit = ''] = /^(\d{1,7}(?:[.,]\d{1,6})?)\s*([a-z]*)$/.exec(part) ?? []
    const length = UNIT_TEXTS.find(({ texts }) => texts.some((known) => known === unit))?.seconds
    const each = unit === '' && parts.length === 1 ? unitSeconds : length
    return number === '' || each === undefined ? Number.NaN : Number(number.replace(',', '.')) * each
  })
  const seconds = Math.round(lengths.reduce((sum, length) => sum + length, 0))
  return Number.isNaN(seconds) ? undefined : seconds
}

/** When an old key stops before its time, after "it stops": "1 hour after the new one is first used"; null where nothing makes it. */
export function clockInWords({ overlapEnds, graceSeconds }: Clock): string | null {
  if (overlapEnds === 'at_end') return null
  const event = overlapEnds === 'on_pickup' ? 'the new one is picked up' : 'the new one is first used'
  return graceSeconds === 0 ? `as soon as ${event}` : `${durationInWords(graceSeconds)} after ${event}`
}

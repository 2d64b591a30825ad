import { PERMISSIONS, type Permission } from '../keys/verdict.ts'
import { PERMISSION_WORDS } from '../text/words.ts'

const DAY_MILLISECONDS = 86_400_000
/** Use is looked back on for this long, and after it a review is due again. */
export const REVIEW_DAYS = 90
/** A key that was never used is young for this long. */
const YOUNG_DAYS = 30

export const FINDINGS = ['unused', 'too_wide', 'not_told', 'fits', 'young', 'disabled'] as const
/** What a review finds about a key: `too_wide` when it may do more than was asked for; `not_told` when gateways don't tell. */
export type Finding = (typeof FINDINGS)[number]

export type KeyUse = {
  enabled: boolean
  permission: Permission
  createdAt: Date
  lastUsedAt: Date | null
  /** The widest that gateways asked for, successfully, in the last 90 days. */
  permissionUsed: Permission | null
}

function isWider(one: Permission, other: Permission): boolean {
  return PERMISSIONS.indexOf(one) > PERMISSIONS.indexOf(other)
}

function isUnused({ lastUsedAt, createdAt }: KeyUse, now: Date): 'unused' | 'young' | null {
  const days = (since: Date) => (now.getTime() - since.getTime()) / DAY_MILLISECONDS
  if (lastUsedAt !== null) return days(lastUsedAt) > REVIEW_DAYS ? 'unused' : null
  return days(createdAt) > YOUNG_DAYS ? 'unused' : 'young'
}

/** Holds what a key may do against what it did. */
export function findingOf(key: KeyUse, now: Date): Finding {
  if (!key.enabled) return 'disabled'
  const unused = isUnused(key, now)
  if (unused !== null) return unused
  if (key.permissionUsed === null) return 'not_told'
  return isWider(key.permission, key.permissionUsed) ? 'too_wide' : 'fits'
}

/** The permissions that are less than this one, the widest first. */
export function lowerPermissions(permission: Permission): Permission[] {
  return PERMISSIONS.filter((each) => isWider(permission, each)).toReversed()
}

export type ReviewChange = { keyId: string } & ({ do: 'lower'; permission: Permission } | { do: 'disable' })

/** What a finding suggests to do, in words; null for nothing. */
export function suggestion(finding: Finding, { permissionUsed }: KeyUse): string | null {
  if (finding === 'unused') return 'disable it'
  if (finding === 'too_wide' && permissionUsed !== null) return `lower it to “${PERMISSION_WORDS[permissionUsed]}”`
  return null
}

/** What is wrong with changes as they were sent, each at its place; a review narrows and never widens. */
export function changeProblems(
  changes: readonly ReviewChange[],
  keys: ReadonlyMap<string, { permission: Permission }>,
): { pointer: string; message: string }[] {
  return changes.flatMap((change, i) => {
    const twice = changes.findIndex(({ keyId }) => keyId === change.keyId) !== i
    if (twice) return [{ pointer: `/changes/${i}/keyId`, message: 'Decide about each key once.' }]
    const held = keys.get(change.keyId)?.permission
    if (change.do === 'disable' || held === undefined || !isWider(change.permission, held)) return []
    const message = `The key has “${PERMISSION_WORDS[held]}”, which is less. A review never widens.`
    return [{ pointer: `/changes/${i}/permission`, message }]
  })
}

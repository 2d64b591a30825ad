import { ipInRanges } from './addresses.ts'
import type { Environment, KeyKind } from './key-text.ts'

export const VERDICT_CODES = [
  'NOT_FOUND',
  'REVOKED',
  'ROLLED_BACK',
  'EXPIRED',
  'NOT_YET_ACTIVE',
  'DISABLED',
  'IP_NOT_ALLOWED',
  'PERMISSION_DENIED',
  'DATASET_DENIED',
  'VALID',
] as const
export type VerdictCode = (typeof VERDICT_CODES)[number]

export const PERMISSIONS = ['read_only', 'read_write', 'admin'] as const
export type Permission = (typeof PERMISSIONS)[number]

/** What the database knows of a presented key, read in one statement together with its clock. */
export type StoredKey = {
  keyId: string
  versionId: string
  serviceId: string
  organisationId: string
  kind: KeyKind
  environment: Environment
  permission: Permission
  ipRanges: readonly string[]
  datasets: readonly string[]
  enabled: boolean
  keyDeleted: boolean
  activeFrom: Date
  acceptedUntil: Date | null
  /** Once set it is revoked, whatever the clock says; `revokeFrom` is a revocation planned for later. */
  revokedAt: Date | null
  revokeFrom: Date | null
  rolledBackAt: Date | null
}

/** What the gateway asks of the key beside its being good. */
export type Demand = {
  ip?: string | undefined
  permission?: Permission | undefined
  dataset?: string | undefined
}

export function isRevoked(version: { revokedAt: Date | null; revokeFrom: Date | null }, now: Date): boolean {
  return version.revokedAt !== null || (version.revokeFrom !== null && version.revokeFrom <= now)
}

type Life = Pick<StoredKey, 'activeFrom' | 'acceptedUntil' | 'revokedAt' | 'revokeFrom' | 'rolledBackAt'>

/** Whether a version by itself is accepted at `now`; its key must be enabled and not deleted as well. */
export function isAccepted(version: Life, now: Date): boolean {
  return version.activeFrom <= now && !isOver(version, now)
}

/** Whether a version has ended for good, as one that is not accepted yet has not. */
export function isOver(version: Omit<Life, 'activeFrom'>, now: Date): boolean {
  const over = version.acceptedUntil !== null && version.acceptedUntil <= now
  return over || isRevoked(version, now) || version.rolledBackAt !== null
}

function ended(key: StoredKey, now: Date): VerdictCode | null {
  if (key.keyDeleted || isRevoked(key, now)) return 'REVOKED'
  if (key.rolledBackAt !== null) return 'ROLLED_BACK'
  if (key.acceptedUntil !== null && key.acceptedUntil <= now) return 'EXPIRED'
  if (now < key.activeFrom) return 'NOT_YET_ACTIVE'
  return key.enabled ? null : 'DISABLED'
}

function denied(key: StoredKey, demand: Demand): VerdictCode | null {
  if (key.ipRanges.length > 0 && (demand.ip === undefined || !ipInRanges(demand.ip, key.ipRanges))) {
    return 'IP_NOT_ALLOWED'
  }
  const wanted = demand.permission === undefined ? 0 : PERMISSIONS.indexOf(demand.permission)
  if (PERMISSIONS.indexOf(key.permission) < wanted) return 'PERMISSION_DENIED'
  if (demand.dataset !== undefined && !key.datasets.includes(demand.dataset.normalize('NFC'))) return 'DATASET_DENIED'
  return null
}

/**
 * The verdict on a stored key at `now` (the database's clock, milliseconds): the first code of `VERDICT_CODES` that
 * applies. Ends are exclusive: at `acceptedUntil` to the millisecond it is EXPIRED.
 */
export function verdict(key: StoredKey, demand: Demand, now: Date): VerdictCode {
  return ended(key, now) ?? denied(key, demand) ?? 'VALID'
}

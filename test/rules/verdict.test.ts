import { describe, expect, test } from 'vitest'
import { type Demand, isAccepted, type StoredKey, type VerdictCode, verdict } from '../../src/rules/keys/verdict.ts'

const NOW = new Date('2026-12-02T08:00:00.000Z')
const at = (milliseconds: number) => new Date(NOW.getTime() + milliseconds)
const GOOD: StoredKey = {
  keyId: 'key_1',
  versionId: 'ver_1',
  serviceId: 'svc_1',
  organisationId: 'org_1',
  kind: 'auth',
  environment: 'live',
  permission: 'read_write',
  ipRanges: [],
  datasets: [],
  enabled: true,
  keyDeleted: false,
  activeFrom: at(-1000),
  acceptedUntil: null,
  revokedAt: null,
  revokeFrom: null,
  rolledBackAt: null,
}

function judge(changes: Partial<StoredKey>, demand: Demand = {}): VerdictCode {
  return verdict({ ...GOOD, ...changes }, demand, NOW)
}

describe('the edges of a life, by the millisecond', () => {
  test.each<[string, Partial<StoredKey>, VerdictCode]>([
    ['1 ms before its end', { acceptedUntil: at(1) }, 'VALID'],
    ['at its end', { acceptedUntil: NOW }, 'EXPIRED'],
    ['1 ms after its end', { acceptedUntil: at(-1) }, 'EXPIRED'],
    ['1 ms before it begins', { activeFrom: at(1) }, 'NOT_YET_ACTIVE'],
    ['when it begins', { activeFrom: NOW }, 'VALID'],
    ['1 ms before a planned revocation', { revokeFrom: at(1) }, 'VALID'],
    ['at a planned revocation', { revokeFrom: NOW }, 'REVOKED'],
    ['revoked, though the clock went back', { revokedAt: at(3_600_000) }, 'REVOKED'],
    ['rolled back, though the clock went back', { rolledBackAt: at(3_600_000) }, 'ROLLED_BACK'],
  ])('%s', (_, changes, code) => {
    expect(judge(changes)).toBe(code)
    expect(isAccepted({ ...GOOD, ...changes }, NOW)).toBe(code === 'VALID')
  })
})

describe('the first code that applies', () => {
  const everything: Partial<StoredKey> = {
    revokedAt: at(-1),
    rolledBackAt: at(-1),
    acceptedUntil: at(-1),
    activeFrom: at(1),
    enabled: false,
    ipRanges: ['10.0.0.0/8'],
  }
  const demand: Demand = { ip: '192.0.2.1', permission: 'admin', dataset: 'orders' }
  const steps: [VerdictCode, Partial<StoredKey>][] = [
    ['REVOKED', { revokedAt: null }],
    ['ROLLED_BACK', { rolledBackAt: null }],
    ['EXPIRED', { acceptedUntil: null }],
    ['NOT_YET_ACTIVE', { activeFrom: at(-1) }],
    ['DISABLED', { enabled: true }],
    ['IP_NOT_ALLOWED', { ipRanges: [] }],
    ['PERMISSION_DENIED', { permission: 'admin' }],
    ['DATASET_DENIED', { datasets: ['orders'] }],
  ]
  test('each gives way to the next as its cause goes', () => {
    let changes = everything
    for (const [code, cure] of steps) {
      expect(judge(changes, demand)).toBe(code)
      changes = { ...changes, ...cure }
    }
    expect(judge(changes, demand)).toBe('VALID')
  })
})

test('a deleted key answers REVOKED', () => {
  expect(judge({ keyDeleted: true, enabled: false })).toBe('REVOKED')
})

test.each<[string | undefined, string[], VerdictCode]>([
  ['10.1.2.3', ['10.0.0.0/8'], 'VALID'],
  ['11.1.2.3', ['10.0.0.0/8'], 'IP_NOT_ALLOWED'],
  ['10.1.2.3', ['10.1.2.3'], 'VALID'],
  ['::ffff:10.1.2.3', ['10.0.0.0/8'], 'VALID'],
  ['2001:db8::1', ['2001:db8::/32'], 'VALID'],
  ['2001:db9::1', ['2001:db8::/32'], 'IP_NOT_ALLOWED'],
  ['2001:db8::1', ['10.0.0.0/8'], 'IP_NOT_ALLOWED'],
  ['not an address', ['10.0.0.0/8'], 'IP_NOT_ALLOWED'],
  [undefined, ['10.0.0.0/8'], 'IP_NOT_ALLOWED'],
  [undefined, [], 'VALID'],
])('from %s with ranges %j: %s', (ip, ipRanges, code) => {
  expect(judge({ ipRanges }, { ip })).toBe(code)
})

test.each<[StoredKey['permission'], Demand['permission'], VerdictCode]>([
  ['read_only', 'read_only', 'VALID'],
  ['read_only', 'read_write', 'PERMISSION_DENIED'],
  ['read_write', 'read_only', 'VALID'],
  ['read_write', 'admin', 'PERMISSION_DENIED'],
  ['admin', 'read_write', 'VALID'],
  ['read_only', undefined, 'VALID'],
])('a key with %s asked for %s: %s', (permission, wanted, code) => {
  expect(judge({ permission }, { permission: wanted })).toBe(code)
})

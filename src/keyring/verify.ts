import type { Pool } from 'pg'
import { createDb } from '../database/connect.ts'
import { findForVerify, type Lookup, type Overlap } from '../database/keys/verify-lookup.ts'
import { hashKey, isPlausibleKey } from '../rules/keys/key-text.ts'
import { type Demand, type VerdictCode, verdict } from '../rules/keys/verdict.ts'
import { Refusal } from '../rules/refusals.ts'
import { hashToken } from '../secrets/tokens.ts'
import { commitFirstUse } from './clock/first-use.ts'
import type { RecordUse } from './watch/record-use.ts'

export type Verification = {
  valid: boolean
  code: VerdictCode
  keyId: string | null
  versionId: string | null
  serviceId: string | null
  organisationId: string | null
  kind: 'auth' | 'admin' | null
  environment: 'live' | 'sandbox' | null
  permission: 'read_only' | 'read_write' | 'admin' | null
  datasets: readonly string[]
  expiresAt: Date | null
  rotation: { role: 'old' | 'new'; ref: string; retiresAt: Date; successorVersionId: string } | null
  headers: { Deprecation: string; Sunset: string } | null
}

const UNKNOWN: Verification = Object.freeze({
  valid: false,
  code: 'NOT_FOUND',
  keyId: null,
  versionId: null,
  serviceId: null,
  organisationId: null,
  kind: null,
  environment: null,
  permission: null,
  datasets: [],
  expiresAt: null,
  rotation: null,
  headers: null,
})

/** Deprecation is RFC 9745's structured date, Sunset RFC 8594's HTTP-date. */
function sunsetHeaders(overlap: Overlap): Verification['headers'] {
  return {
    Deprecation: `@${Math.floor(overlap.generatedAt.getTime() / 1000)}`,
    Sunset: overlap.endsAt.toUTCString(),
  }
}

function answer(key: NonNullable<Lookup['key']>, code: VerdictCode, now: Date): Verification {
  // The worker may be late with its bookkeeping: the overlap is over when its time is.
  const overlap = key.overlap !== null && now < key.overlap.endsAt ? key.overlap : null
  return {
    valid: code === 'VALID',
    code,
    keyId: key.keyId,
    versionId: key.versionId,
    serviceId: key.serviceId,
    organisationId: key.organisationId,
    kind: key.kind,
    environment: key.environment,
    permission: key.permission,
    datasets: key.datasets,
    expiresAt: key.ownEnd,
    rotation: overlap && {
      role: overlap.role,
      ref: overlap.ref,
      retiresAt: overlap.endsAt,
      successorVersionId: overlap.newVersionId,
    },
    headers: overlap?.role === 'old' ? sunsetHeaders(overlap) : null,
  }
}

type Verifier = { pool: Pool; prefix: string; recordUse: RecordUse }
type Found = Lookup & { key: NonNullable<Lookup['key']> }

/** The verdict on what was found, and whether this is the first use that a running clock waits for. */
function judge({ key, now }: Found, presented: Demand): { code: VerdictCode; startsClock: boolean } {
  const code = verdict(key, presented, now)
  const waits = key.overlap?.waitsForUse === true && now < key.overlap.endsAt
  return { code, startsClock: waits && code === 'VALID' }
}

/**
 * The verdict on a presented key, read from the primary on every call: a call sent after a revocation was answered never
 * finds the key valid. Text that can't be a key is never looked up. The first use that a clock waits for is committed before the verdict is
 * given, which is then the one after it. Refuses NOT_AUTHENTICATED when the token is no live gateway's.
 */
export async function verifyKey(
  verifier: Verifier,
  gatewayToken: string,
  presented: Demand & { key: string },
): Promise<Verification> {
  const hash = isPlausibleKey(verifier.prefix, presented.key) ? hashKey(presented.key) : null
  const tokenHash = hashToken(gatewayToken)
  let lookup = await findForVerify(verifier.pool, tokenHash, hash)
  if (lookup?.key && judge({ ...lookup, key: lookup.key }, presented).startsClock) {
    await commitFirstUse(createDb(verifier.pool), lookup.key)
    lookup = await findForVerify(verifier.pool, tokenHash, hash)
  }
  if (lookup === undefined) throw new Refusal('NOT_AUTHENTICATED')
  if (lookup.key === null) return UNKNOWN
  const { code } = judge({ ...lookup, key: lookup.key }, presented)
  const { keyId, versionId } = lookup.key
  const { ip = null, permission = null } = presented
  verifier.recordUse({ keyId, versionId, code, at: lookup.now, ip, permission })
  return answer(lookup.key, code, lookup.now)
}

import type { Pool } from 'pg'
import type { StoredKey } from '../../rules/keys/verdict.ts'

/** A presented key as stored, the gateway that asks, and the database's clock, all of one statement. */
export type Lookup = {
  now: Date
  key: (StoredKey & { ownEnd: Date | null; overlap: Overlap | null }) | null
}

export type Overlap = {
  role: 'old' | 'new'
  ref: string
  generatedAt: Date
  endsAt: Date
  newVersionId: string
  /** Whether the first use of this version is to end the old one's time sooner, and has not yet. */
  waitsForUse: boolean
}

// Snake-case raw SQL as a named prepared statement: on this path Kysely's builder and plugin cost half of the calls.
const LOOKUP = {
  name: 'verify-lookup',
  text: `
    select date_trunc('milliseconds', clock_timestamp()) as now, s.id as service_id, s.organisation_id, s.environment,
      s.deleted_at is not null or k.deleted_at is not null as key_deleted,
      k.id as key_id, k.kind, k.permission, k.ip_ranges, k.datasets, k.enabled,
      v.id as version_id, v.active_from, v.accepted_until, v.own_end, v.revoked_at, v.revoke_from, v.rolled_back_at, v.clock_starts,
      i.rotation_ref, i.generated_at, i.overlap_ends_at, i.old_version_id, i.new_version_id
    from gateway g
    left join version v on v.hash = $2
    left join key k on k.id = v.key_id
    left join service s on s.id = k.service_id and (g.all_services or exists (
      select from gateway_service gs where gs.gateway_id = g.id and gs.service_id = s.id))
    left join item i on i.key_id = k.id and i.status = 'overlap' and v.id in (i.old_version_id, i.new_version_id)
    where g.token_hash = $1 and g.revoked_at is null`,
}

type Row = {
  now: Date
  service_id: string | null
  organisation_id: string
  environment: StoredKey['environment']
  key_deleted: boolean
  key_id: string
  kind: StoredKey['kind']
  permission: StoredKey['permission']
  ip_ranges: string[]
  datasets: string[]
  enabled: boolean
  version_id: string
  active_from: Date
  accepted_until: Date | null
  own_end: Date | null
  revoked_at: Date | null
  revoke_from: Date | null
  rolled_back_at: Date | null
  clock_starts: string | null
  rotation_ref: string | null
  generated_at: Date
  overlap_ends_at: Date
  old_version_id: string
  new_version_id: string
}

function overlapOf(row: Row): Overlap | null {
  if (row.rotation_ref === null) return null
  return {
    role: row.version_id === row.old_version_id ? 'old' : 'new',
    ref: row.rotation_ref,
    generatedAt: row.generated_at,
    endsAt: row.overlap_ends_at,
    newVersionId: row.new_version_id,
    waitsForUse: row.clock_starts === 'on_first_use' && row.version_id === row.new_version_id,
  }
}

function keyOf(row: Row): Lookup['key'] {
  if (row.service_id === null) return null
  return {
    keyId: row.key_id,
    versionId: row.version_id,
    serviceId: row.service_id,
    organisationId: row.organisation_id,
    kind: row.kind,
    environment: row.environment,
    permission: row.permission,
    ipRanges: row.ip_ranges,
    datasets: row.datasets,
    enabled: row.enabled,
    keyDeleted: row.key_deleted,
    activeFrom: row.active_from,
    acceptedUntil: row.accepted_until,
    ownEnd: row.own_end,
    revokedAt: row.revoked_at,
    revokeFrom: row.revoke_from,
    rolledBackAt: row.rolled_back_at,
    overlap: overlapOf(row),
  }
}

/**
 * Looks a key up for a gateway, on the primary, never cached. `keyHash` null checks the gateway's token alone.
 * Undefined when the token is no live gateway's; `key` null when there is none that this gateway may ask about.
 */
export async function findForVerify(
  pool: Pool,
  gatewayHash: Buffer,
  keyHash: Buffer | null,
): Promise<Lookup | undefined> {
  const { rows } = await pool.query<Row>({ ...LOOKUP, values: [gatewayHash, keyHash] })
  const row = rows[0]
  return row === undefined ? undefined : { now: row.now, key: keyOf(row) }
}

import { type RawBuilder, sql } from 'kysely'
import type { Permission } from '../../rules/keys/verdict.ts'
import type { Db } from '../connect.ts'

export type Use = { versionId: string; firstUsedAt: Date; lastUsedAt: Date; lastNetwork: string | null }
export type NetworkUse = { versionId: string; network: string; firstUsedAt: Date; lastUsedAt: Date }
export type PermissionUse = { keyId: string; permission: Permission; lastUsedAt: Date }
/** `minute` is the full one in which they came; `network` is empty where none is known. */
export type RefusedUses = { versionId: string; code: string; network: string; minute: Date; count: number }

const ROWS_A_STATEMENT = 5_000

/** Runs a statement over all rows, part by part. Sorted, so that two nodes that write the same rows take their locks in the same order. */
async function inParts<Row>(
  db: Db,
  rows: readonly Row[],
  place: (row: Row) => string,
  statement: (part: readonly Row[]) => RawBuilder<unknown>,
): Promise<void> {
  const sorted = rows
    .map((row) => ({ row, at: place(row) }))
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .map(({ row }) => row)
  for (let start = 0; start < sorted.length; start += ROWS_A_STATEMENT) {
    await statement(sorted.slice(start, start + ROWS_A_STATEMENT)).execute(db)
  }
}

/** Merges uses gathered by any node: the earliest first use and the latest last use win, in whatever order they arrive. */
export async function mergeUses(db: Db, uses: readonly Use[]): Promise<void> {
  await inParts(
    db,
    uses,
    (use) => use.versionId,
    (part) => sql`
      insert into version_use as known (version_id, first_used_at, last_used_at, last_network)
      select * from unnest(
        ${part.map((use) => use.versionId)}::text[],
        ${part.map((use) => use.firstUsedAt)}::timestamptz[],
        ${part.map((use) => use.lastUsedAt)}::timestamptz[],
        ${part.map((use) => use.lastNetwork)}::text[])
      on conflict (version_id) do update set
        first_used_at = least(known.first_used_at, excluded.first_used_at),
        last_used_at = greatest(known.last_used_at, excluded.last_used_at),
        last_network = case when excluded.last_used_at >= known.last_used_at
          then coalesce(excluded.last_network, known.last_network) else known.last_network end`,
  )
}

/** The same for the networks that uses came from. */
export async function mergeNetworks(db: Db, networks: readonly NetworkUse[]): Promise<void> {
  await inParts(
    db,
    networks,
    (use) => `${use.versionId} ${use.network}`,
    (part) => sql`
      insert into version_network as known (version_id, network, first_used_at, last_used_at)
      select * from unnest(
        ${part.map((use) => use.versionId)}::text[],
        ${part.map((use) => use.network)}::text[],
        ${part.map((use) => use.firstUsedAt)}::timestamptz[],
        ${part.map((use) => use.lastUsedAt)}::timestamptz[])
      on conflict (version_id, network) do update set
        first_used_at = least(known.first_used_at, excluded.first_used_at),
        last_used_at = greatest(known.last_used_at, excluded.last_used_at)`,
  )
}

/** The same for the permissions that gateways asked for. */
export async function mergePermissions(db: Db, permissions: readonly PermissionUse[]): Promise<void> {
  await inParts(
    db,
    permissions,
    (use) => `${use.keyId} ${use.permission}`,
    (part) => sql`
      insert into permission_use as known (key_id, permission, last_used_at)
      select * from unnest(
        ${part.map((use) => use.keyId)}::text[],
        ${part.map((use) => use.permission)}::text[],
        ${part.map((use) => use.lastUsedAt)}::timestamptz[])
      on conflict (key_id, permission) do update set
        last_used_at = greatest(known.last_used_at, excluded.last_used_at)`,
  )
}

/** Adds refusals to those counted already, from this node or others. Sent twice, they count twice. */
export async function addRefusedUses(db: Db, refused: readonly RefusedUses[]): Promise<void> {
  await inParts(
    db,
    refused,
    (use) => `${use.versionId} ${use.minute.toISOString()} ${use.code} ${use.network}`,
    (part) => sql`
      insert into refused_use as known (version_id, code, network, minute, count)
      select * from unnest(
        ${part.map((use) => use.versionId)}::text[],
        ${part.map((use) => use.code)}::text[],
        ${part.map((use) => use.network)}::text[],
        ${part.map((use) => use.minute)}::timestamptz[],
        ${part.map((use) => use.count)}::integer[])
      on conflict (version_id, minute, code, network) do update set count = known.count + excluded.count`,
  )
}

import { sql } from 'kysely'
import type { Db } from '../connect.ts'

export type Use = { versionId: string; firstUsedAt: Date; lastUsedAt: Date; lastNetwork: string | null }

const ROWS_A_STATEMENT = 5_000

/** Merges uses gathered by any node: the earliest first use and the latest last use win, in whatever order they arrive. */
export async function mergeUses(db: Db, uses: readonly Use[]): Promise<void> {
  // Sorted, so that two nodes that write the same rows take their locks in the same order.
  const sorted = uses.toSorted((a, b) => (a.versionId < b.versionId ? -1 : 1))
  for (let start = 0; start < sorted.length; start += ROWS_A_STATEMENT) {
    const part = sorted.slice(start, start + ROWS_A_STATEMENT)
    await sql`
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
          then coalesce(excluded.last_network, known.last_network) else known.last_network end`.execute(db)
  }
}

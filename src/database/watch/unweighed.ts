import { sql } from 'kysely'
import type { NetworkHistory } from '../../rules/watch/suspicion.ts'
import type { Db, Trx } from '../connect.ts'

/** A key whose use the worker weighs, held by it. */
export type WatchedKey = {
  id: string
  organisationId: string
  serviceId: string
  createdAt: Date
  ipRanges: string[]
  versionId: string
}

const ROWS_AT_ONCE = 500
/** After something went wrong with a key, so that it holds up no other. */
const AFTER_ERROR_SECONDS = 600

// The key is locked before the rows about it, which are taken only where nobody else has them: the recorder may wait for these
// while a verb that holds the key waits for the recorder.

const isDue = sql<boolean>`(key.weigh_after is null or key.weigh_after <= now())`

/** Claims a key with networks that nobody has weighed; what another worker or a verb holds is passed over. */
export async function claimKeyWithNewNetworks(trx: Trx): Promise<WatchedKey | undefined> {
  return trx
    .selectFrom('versionNetwork')
    .innerJoin('version', 'version.id', 'versionNetwork.versionId')
    .innerJoin('key', 'key.id', 'version.keyId')
    .select(['key.id', 'key.organisationId', 'key.serviceId', 'key.createdAt', 'key.ipRanges'])
    .select('version.id as versionId')
    .where('versionNetwork.lookedAt', 'is', null)
    .where(isDue)
    .limit(1)
    .forNoKeyUpdate('key')
    .skipLocked()
    .executeTakeFirst()
}

/** Lets all other keys go before this one, which could not be weighed. */
export async function putOffWeighing(db: Db, keyId: string): Promise<void> {
  const weighAfter = sql<Date>`clock_timestamp() + make_interval(secs => ${AFTER_ERROR_SECONDS})`
  await db.updateTable('key').set({ weighAfter }).where('id', '=', keyId).execute()
}

/** The networks of a version that nobody has weighed, the first seen first, held. */
export async function lockNewNetworks(trx: Trx, versionId: string) {
  return trx
    .selectFrom('versionNetwork')
    .select(['network', 'firstUsedAt', 'lastUsedAt'])
    .where('versionId', '=', versionId)
    .where('lookedAt', 'is', null)
    .orderBy('firstUsedAt')
    .orderBy('network')
    .limit(ROWS_AT_ONCE)
    .forUpdate()
    .skipLocked()
    .execute()
}

/** The networks that a key was seen from and that were weighed already. */
export async function findNetworkHistory(db: Db, keyId: string): Promise<NetworkHistory & { networks: Set<string> }> {
  const rows = await db
    .selectFrom('versionNetwork')
    .innerJoin('version', 'version.id', 'versionNetwork.versionId')
    .select(['versionNetwork.network', (is) => is.fn.min('versionNetwork.firstUsedAt').as('since')])
    .where('version.keyId', '=', keyId)
    .where('versionNetwork.lookedAt', 'is not', null)
    .groupBy('versionNetwork.network')
    .orderBy('since')
    .execute()
  return { count: rows.length, since: rows[0]?.since ?? null, networks: new Set(rows.map(({ network }) => network)) }
}

/** The same as for networks, of a key with refused uses. */
export async function claimKeyWithRefusals(trx: Trx): Promise<WatchedKey | undefined> {
  return trx
    .selectFrom('refusedUse')
    .innerJoin('version', 'version.id', 'refusedUse.versionId')
    .innerJoin('key', 'key.id', 'version.keyId')
    .select(['key.id', 'key.organisationId', 'key.serviceId', 'key.createdAt', 'key.ipRanges'])
    .select('version.id as versionId')
    .where(sql<boolean>`refused_use.looked_count < refused_use.count`)
    .where(isDue)
    .limit(1)
    .forNoKeyUpdate('key')
    .skipLocked()
    .executeTakeFirst()
}

/** The refused uses of a version that nobody has weighed, each with how many of them are new, held. */
export async function lockNewRefusals(trx: Trx, versionId: string) {
  return trx
    .selectFrom('refusedUse')
    .select(['code', 'network', 'minute', 'count'])
    .select(sql<number>`count - looked_count`.as('fresh'))
    .where('versionId', '=', versionId)
    .where(sql<boolean>`looked_count < count`)
    .orderBy('minute')
    .orderBy('code')
    .orderBy('network')
    .limit(ROWS_AT_ONCE)
    .forUpdate()
    .skipLocked()
    .execute()
}

/** Marks refused uses that the caller holds as weighed, all that are counted so far. */
export async function markWeighed(
  trx: Trx,
  versionId: string,
  refusals: readonly { code: string; network: string; minute: Date }[],
): Promise<void> {
  await sql`
    update refused_use set looked_count = count
    where version_id = ${versionId} and (minute, code, network) in (
      select * from unnest(
        ${refusals.map((use) => use.minute)}::timestamptz[],
        ${refusals.map((use) => use.code)}::text[],
        ${refusals.map((use) => use.network)}::text[]))`.execute(trx)
}

/** How often a version was refused with one of these codes in a span of minutes, both ends included. */
export async function countRefusals(
  db: Db,
  { versionId, codes, from, until }: { versionId: string; codes: readonly string[]; from: Date; until: Date },
): Promise<number> {
  if (codes.length === 0) return 0
  const { total } = await db
    .selectFrom('refusedUse')
    .select((is) => is.fn.coalesce(is.fn.sum<string>('count'), sql<string>`0`).as('total'))
    .where('versionId', '=', versionId)
    .where('code', 'in', codes)
    .where('minute', '>=', from)
    .where('minute', '<=', until)
    .executeTakeFirstOrThrow()
  return Number(total)
}

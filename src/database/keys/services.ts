import { sql } from 'kysely'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import type { Permission } from '../../rules/keys/verdict.ts'
import { LIVE_ITEM_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import type { Db } from '../connect.ts'
import { decodeCursor, ID, type Page, toPage } from '../cursor.ts'
import type { Viewer } from '../rotations/views.ts'
import { findVersions, type VersionView } from './versions.ts'

export type KeyView = {
  id: string
  serviceId: string
  kind: KeyKind
  name: string
  description: string
  permission: Permission
  ipRanges: string[]
  datasets: string[]
  enabled: boolean
  createdAt: Date
  /** Who made it by hand; null for the first keys of a service, and imported ones. */
  createdByName: string | null
  /** When it ends by itself, whichever version it has; null: never. */
  expiresAt: Date | null
  /** The live rotation the key is in, if any. */
  rotationRef: string | null
  /** Newest first. */
  versions: VersionView[]
}

export type ServiceView = {
  id: string
  organisationId: string
  organisationName: string
  name: string
  environment: Environment
  selfService: boolean
  /** New keys are encrypted to it; null: shown once. */
  ageRecipient: string | null
  createdAt: Date
  keyCount: number
  /** The first of them, by kind and age. */
  keys: KeyView[]
}

function selectServices(db: Db, viewer: Viewer) {
  const query = db
    .selectFrom('service')
    .innerJoin('organisation', 'organisation.id', 'service.organisationId')
    .select(['service.id', 'service.organisationId', 'organisation.name as organisationName', 'service.name'])
    .leftJoin('servicePolicy', 'servicePolicy.serviceId', 'service.id')
    .innerJoin('policy', 'policy.only', 'policy.only')
    .select(['service.environment', 'service.createdAt', 'service.ageRecipient'])
    .select((is) => is.fn.coalesce('servicePolicy.selfService', 'policy.selfService').as('selfService'))
    .where('service.deletedAt', 'is', null)
  return viewer.organisationId === null ? query : query.where('service.organisationId', '=', viewer.organisationId)
}

/** A service may hold as many keys as its vendor brought in; of these so many are read with it, the first ones. */
export const KEYS_WITH_SERVICE = 100

function selectKeys(db: Db) {
  return db
    .selectFrom('key')
    .leftJoin('item', (join) => join.onRef('item.keyId', '=', 'key.id').on('item.status', 'in', LIVE_ITEM_STATUSES))
    .leftJoin('person', 'person.id', 'key.createdBy')
    .select(['key.id', 'key.serviceId', 'key.kind', 'key.name', 'key.description', 'key.permission', 'key.ipRanges'])
    .select(['key.datasets', 'key.enabled', 'key.createdAt', 'item.rotationRef', 'person.name as createdByName'])
    .where('key.deletedAt', 'is', null)
}

/** The same keys with their versions, in their order. */
async function withVersions(db: Db, keys: readonly Omit<KeyView, 'versions' | 'expiresAt'>[]): Promise<KeyView[]> {
  const ids = keys.map((key) => key.id)
  const versions = Map.groupBy(await findVersions(db, 'keyId', ids), ({ keyId }) => keyId)
  return keys.map((key) => {
    const own = versions.get(key.id) ?? []
    return { ...key, expiresAt: own[0]?.ownEnd ?? null, versions: own }
  })
}

/** Of each service the first keys and those that are named, and how many there are. */
async function findKeys(db: Db, serviceIds: readonly string[], named: readonly string[]) {
  const { rows } = await sql<{ id: string; count: string }>`
    select id, count from (
      select id, count(*) over (partition by service_id) as count,
        row_number() over (partition by service_id order by kind desc, created_at, id) as place
      from key where service_id = any (${serviceIds}::text[]) and deleted_at is null) as placed
    where place <= ${KEYS_WITH_SERVICE} or id = any (${named}::text[])`.execute(db)
  const counts = new Map(rows.map(({ id, count }) => [id, Number(count)]))
  const keys = await selectKeys(db)
    .where(sql<boolean>`key.id = any (${[...counts.keys()]}::text[])`)
    .orderBy('key.kind', 'desc')
    .orderBy('key.createdAt')
    .orderBy('key.id')
    .execute()
  return { keys: Map.groupBy(await withVersions(db, keys), ({ serviceId }) => serviceId), counts }
}

async function complete(
  db: Db,
  rows: readonly Omit<ServiceView, 'keys' | 'keyCount'>[],
  named: readonly string[] = [],
): Promise<ServiceView[]> {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.id)
  const { keys, counts } = await findKeys(db, ids, named)
  return rows.map((row) => {
    const own = keys.get(row.id) ?? []
    return { ...row, keyCount: counts.get(own[0]?.id ?? '') ?? 0, keys: own }
  })
}

/** A page of a service's keys, in the order they were made, however many there are. */
export async function findServiceKeys(
  db: Db,
  serviceId: string,
  filter: { cursor?: string | undefined; limit: number },
): Promise<Page<KeyView>> {
  let query = selectKeys(db).where('key.serviceId', '=', serviceId)
  if (filter.cursor !== undefined) {
    const [id = ''] = decodeCursor(filter.cursor, [ID])
    query = query.where('key.id', '>', id)
  }
  const rows = await query
    .orderBy('key.id')
    .limit(filter.limit + 1)
    .execute()
  const page = toPage(rows, filter.limit, (row) => [row.id])
  return { items: await withVersions(db, page.items), nextCursor: page.nextCursor }
}

/** One service with its first keys and those that are `named`, if it is there and the viewer may see it. */
export async function findService(
  db: Db,
  viewer: Viewer,
  id: string,
  named: readonly string[] = [],
): Promise<ServiceView | undefined> {
  const row = await selectServices(db, viewer).where('service.id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : (await complete(db, [row], named))[0]
}

/** A key with the service it is in, if both are there and the viewer may see them. */
export async function findKey(
  db: Db,
  viewer: Viewer,
  id: string,
): Promise<{ key: KeyView; service: ServiceView } | undefined> {
  const row = await db.selectFrom('key').select('serviceId').where('id', '=', id).executeTakeFirst()
  const service = row === undefined ? undefined : await findService(db, viewer, row.serviceId, [id])
  const key = service?.keys.find((key) => key.id === id)
  return service === undefined || key === undefined ? undefined : { key, service }
}

/** A version's key with the service it is in, if all are there and the viewer may see them. */
export async function findKeyOfVersion(
  db: Db,
  viewer: Viewer,
  versionId: string,
): Promise<{ key: KeyView; service: ServiceView } | undefined> {
  const row = await db.selectFrom('version').select('keyId').where('id', '=', versionId).executeTakeFirst()
  return row === undefined ? undefined : findKey(db, viewer, row.keyId)
}

type ServiceFilter = {
  organisationId?: string | undefined
  cursor?: string | undefined
  limit: number
  /** Keys that are read with their service wherever among its keys they stand. */
  keyIds?: readonly string[]
}

const ENVIRONMENT = /^(live|sandbox)$/

/** A page of the services that the viewer may see: the live ones, then the sandboxes, each in the order they were made. */
export async function findServices(db: Db, viewer: Viewer, filter: ServiceFilter): Promise<Page<ServiceView>> {
  let query = selectServices(db, viewer)
  if (filter.organisationId !== undefined) query = query.where('service.organisationId', '=', filter.organisationId)
  if (filter.cursor !== undefined) {
    const [environment = '', id = ''] = decodeCursor(filter.cursor, [ENVIRONMENT, ID])
    query = query.where(sql<boolean>`(service.environment, service.id) > (${environment}, ${id})`)
  }
  const rows = await query
    .orderBy('service.environment')
    .orderBy('service.id')
    .limit(filter.limit + 1)
    .execute()
  const page = toPage(rows, filter.limit, (row) => [row.environment, row.id])
  return { items: await complete(db, page.items, filter.keyIds), nextCursor: page.nextCursor }
}

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

async function findKeys(db: Db, serviceIds: readonly string[]): Promise<KeyView[]> {
  const keys = await db
    .selectFrom('key')
    .leftJoin('item', (join) => join.onRef('item.keyId', '=', 'key.id').on('item.status', 'in', LIVE_ITEM_STATUSES))
    .leftJoin('person', 'person.id', 'key.createdBy')
    .select(['key.id', 'key.serviceId', 'key.kind', 'key.name', 'key.description', 'key.permission', 'key.ipRanges'])
    .select(['key.datasets', 'key.enabled', 'key.createdAt', 'item.rotationRef', 'person.name as createdByName'])
    .where('key.serviceId', 'in', serviceIds)
    .where('key.deletedAt', 'is', null)
    .orderBy('key.kind', 'desc')
    .orderBy('key.createdAt')
    .orderBy('key.id')
    .execute()
  const versions = await findVersions(
    db,
    'keyId',
    keys.map((key) => key.id),
  )
  return keys.map((key) => {
    const own = versions.filter((version) => version.keyId === key.id)
    return { ...key, expiresAt: own[0]?.ownEnd ?? null, versions: own }
  })
}

async function complete(db: Db, rows: readonly Omit<ServiceView, 'keys'>[]): Promise<ServiceView[]> {
  if (rows.length === 0) return []
  const keys = await findKeys(
    db,
    rows.map((row) => row.id),
  )
  return rows.map((row) => ({ ...row, keys: keys.filter((key) => key.serviceId === row.id) }))
}

/** One service, if it is there and the viewer may see it. */
export async function findService(db: Db, viewer: Viewer, id: string): Promise<ServiceView | undefined> {
  const row = await selectServices(db, viewer).where('service.id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : (await complete(db, [row]))[0]
}

/** A key with the service it is in, if both are there and the viewer may see them. */
export async function findKey(
  db: Db,
  viewer: Viewer,
  id: string,
): Promise<{ key: KeyView; service: ServiceView } | undefined> {
  const row = await db.selectFrom('key').select('serviceId').where('id', '=', id).executeTakeFirst()
  const service = row === undefined ? undefined : await findService(db, viewer, row.serviceId)
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

type ServiceFilter = { organisationId?: string | undefined; cursor?: string | undefined; limit: number }

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
  return { items: await complete(db, page.items), nextCursor: page.nextCursor }
}

import { sql } from 'kysely'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import type { SuspicionKind } from '../../rules/watch/suspicion.ts'
import type { Db } from '../connect.ts'
import { decodeCursor, ID, type Page, TIME, toPage } from '../cursor.ts'
import type { Viewer } from '../rotations/views.ts'

/** Something odd about the use of a key, as people and programs see it. */
export type SuspicionView = {
  id: string
  organisationId: string
  organisationName: string
  serviceId: string
  serviceName: string
  environment: Environment
  keyId: string
  keyKind: KeyKind
  keyName: string
  keyDeleted: boolean
  versionId: string
  last4: string
  kind: SuspicionKind
  /** Empty where none is known. */
  network: string
  count: number
  at: Date
  lastAt: Date
  dismissedAt: Date | null
  dismissedBy: { id: string; name: string } | null
  /** The newest rotation that was filed for the key since. */
  rotationRef: string | null
}

const since = sql<string | null>`(
  select item.rotation_ref from item join rotation on rotation.ref = item.rotation_ref
  where item.key_id = suspicion.key_id and rotation.created_at >= suspicion.at
  order by rotation.created_at desc limit 1)`

function selectSuspicions(db: Db, viewer: Viewer) {
  const query = db
    .selectFrom('suspicion')
    .innerJoin('organisation', 'organisation.id', 'suspicion.organisationId')
    .innerJoin('key', 'key.id', 'suspicion.keyId')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .innerJoin('version', 'version.id', 'suspicion.versionId')
    .leftJoin('person', 'person.id', 'suspicion.dismissedBy')
    .select(['suspicion.id', 'suspicion.organisationId', 'organisation.name as organisationName'])
    .select(['service.id as serviceId', 'service.name as serviceName', 'service.environment', 'version.last4'])
    .select(['suspicion.keyId', 'key.kind as keyKind', 'key.name as keyName', 'suspicion.versionId', 'suspicion.kind'])
    .select(['suspicion.network', 'suspicion.count', 'suspicion.at', 'suspicion.lastAt', 'suspicion.dismissedAt'])
    .select(['person.id as dismisserId', 'person.name as dismisserName', since.as('rotationRef')])
    .select(sql<boolean>`key.deleted_at is not null`.as('keyDeleted'))
  return viewer.organisationId === null ? query : query.where('suspicion.organisationId', '=', viewer.organisationId)
}

type Row = Omit<SuspicionView, 'dismissedBy'> & { dismisserId: string | null; dismisserName: string | null }

function viewOf({ dismisserId: id, dismisserName: name, ...row }: Row): SuspicionView {
  return { ...row, dismissedBy: id === null || name === null ? null : { id, name } }
}

/** One, if the viewer may see it. */
export async function findSuspicion(db: Db, viewer: Viewer, id: string): Promise<SuspicionView | undefined> {
  const row = await selectSuspicions(db, viewer).where('suspicion.id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : viewOf(row)
}

type Filter = {
  organisationId?: string | undefined
  keyId?: string | undefined
  /** Only those that nobody dismissed and whose key nobody asked to be replaced since. */
  open: boolean
  cursor?: string | undefined
  limit: number
}

/** A page of them, the newest first. */
export async function findSuspicions(db: Db, viewer: Viewer, filter: Filter): Promise<Page<SuspicionView>> {
  let query = selectSuspicions(db, viewer)
  if (filter.organisationId !== undefined) query = query.where('suspicion.organisationId', '=', filter.organisationId)
  if (filter.keyId !== undefined) query = query.where('suspicion.keyId', '=', filter.keyId)
  if (filter.open) query = query.where('suspicion.dismissedAt', 'is', null).where(since, 'is', null)
  if (filter.cursor !== undefined) {
    const [at = '', id = ''] = decodeCursor(filter.cursor, [TIME, ID])
    query = query.where(sql<boolean>`(suspicion.at, suspicion.id) < (${at}::timestamptz, ${id})`)
  }
  const rows = await query
    .orderBy('suspicion.at', 'desc')
    .orderBy('suspicion.id', 'desc')
    .limit(filter.limit + 1)
    .execute()
  return toPage(rows.map(viewOf), filter.limit, (row) => [row.at.toISOString(), row.id])
}

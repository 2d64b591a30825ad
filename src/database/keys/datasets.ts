import { sql } from 'kysely'
import type { Db } from '../connect.ts'
import { decodeCursor, ID, type Page, toPage } from '../cursor.ts'
import type { Viewer } from '../rotations/views.ts'

export type DatasetView = {
  id: string
  serviceId: string
  name: string
  createdAt: Date
  /** The keys that may be used for it, the oldest first. */
  keyIds: string[]
}

function selectDatasets(db: Db, viewer: Viewer) {
  const keyIds = sql<string[]>`array(
    select k.id from key k where k.service_id = dataset.service_id and k.deleted_at is null and dataset.name = any (k.datasets)
    order by k.id)`
  const query = db
    .selectFrom('dataset')
    .innerJoin('service', 'service.id', 'dataset.serviceId')
    .select(['dataset.id', 'dataset.serviceId', 'dataset.name', 'dataset.createdAt', keyIds.as('keyIds')])
    .where('service.deletedAt', 'is', null)
  return viewer.organisationId === null ? query : query.where('dataset.organisationId', '=', viewer.organisationId)
}

/** One dataset, if it is there and the viewer may see it. */
export async function findDataset(db: Db, viewer: Viewer, id: string): Promise<DatasetView | undefined> {
  return selectDatasets(db, viewer).where('dataset.id', '=', id).executeTakeFirst()
}

type DatasetFilter = { serviceId?: string | undefined; cursor?: string | undefined; limit: number }

/** A page of the datasets that the viewer may see, in the order they were made. */
export async function findDatasets(db: Db, viewer: Viewer, filter: DatasetFilter): Promise<Page<DatasetView>> {
  let query = selectDatasets(db, viewer)
  if (filter.serviceId !== undefined) query = query.where('dataset.serviceId', '=', filter.serviceId)
  if (filter.cursor !== undefined) {
    const [id = ''] = decodeCursor(filter.cursor, [ID])
    query = query.where('dataset.id', '>', id)
  }
  const rows = await query
    .orderBy('dataset.id')
    .limit(filter.limit + 1)
    .execute()
  return toPage(rows, filter.limit, (row) => [row.id])
}

/** The names of all datasets of a service, in the order of the alphabet. */
export async function findDatasetNames(db: Db, serviceId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('dataset')
    .select('name')
    .where('serviceId', '=', serviceId)
    .orderBy('name')
    .execute()
  return rows.map(({ name }) => name)
}

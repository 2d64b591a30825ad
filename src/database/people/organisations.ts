import { sql } from 'kysely'
import type { Db } from '../connect.ts'

export async function findOrganisation(db: Db, organisationId: string) {
  return db.selectFrom('organisation').selectAll().where('id', '=', organisationId).executeTakeFirst()
}

/** The names of all organisations, by name. */
export async function findOrganisationNames(db: Db): Promise<{ id: string; name: string }[]> {
  return db.selectFrom('organisation').select(['id', 'name']).orderBy(sql`lower(name)`).orderBy('id').execute()
}

/** The same, at most so many of them. */
export async function findFirstOrganisationNames(db: Db, limit: number): Promise<{ id: string; name: string }[]> {
  return db.selectFrom('organisation').select(['id', 'name']).orderBy('name').orderBy('id').limit(limit).execute()
}

/** All organisations with the number of their people and services, the newest first; `before` is the last id seen. */
export async function findOrganisations(db: Db, page: { limit: number; before?: string | null }) {
  return db
    .selectFrom('organisation')
    .selectAll()
    .select((eb) => [
      eb
        .selectFrom('membership')
        .whereRef('membership.organisationId', '=', 'organisation.id')
        .select(eb.fn.countAll<string>().as('count'))
        .as('memberCount'),
      eb
        .selectFrom('service')
        .whereRef('service.organisationId', '=', 'organisation.id')
        .where('service.deletedAt', 'is', null)
        .select(eb.fn.countAll<string>().as('count'))
        .as('serviceCount'),
    ])
    .$if(typeof page.before === 'string', (query) => query.where('id', '<', page.before ?? ''))
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute()
}

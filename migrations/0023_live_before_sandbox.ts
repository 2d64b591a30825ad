import { type Kysely, sql } from 'kysely'

/** Lists show live services before sandboxes, each in the order they were made. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index service_by_environment on service (environment, id) where deleted_at is null`.execute(db)
}

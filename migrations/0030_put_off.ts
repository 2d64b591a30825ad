import { type Kysely, sql } from 'kysely'

/** Work that failed is put off, so that it holds up none of the rest. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    -- its use is not weighed before this
    alter table key add column weigh_after timestamptz(3)`.execute(db)
  await sql`
    -- the worker does not go on with it before this
    alter table import add column go_on_after timestamptz(3)`.execute(db)
}

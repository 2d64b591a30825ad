import { type Kysely, sql } from 'kysely'

/** The trail over all chains, the newest first, and by who did it, without reading whole tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table audit_entry add column actor text not null generated always as (body::jsonb ->> 'actor') stored`.execute(
    db,
  )
  await sql`create index audit_entry_by_age on audit_entry (at desc, chain desc, sequence desc)`.execute(db)
  await sql`create index audit_entry_by_actor on audit_entry (actor, at desc)`.execute(db)
}

import { type Kysely, sql } from 'kysely'

/** What staff list over all organisations, and what is looked up by person or swept by age, without reading whole tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index rotation_by_age on rotation (created_at desc, ref desc)`.execute(db)
  await sql`create index rotation_by_deadline on rotation ((coalesce(next_deadline, 'infinity')), ref)`.execute(db)
  await sql`create index personal_token_by_person on personal_token (person_id)`.execute(db)
  await sql`create index step_up_by_person on step_up (person_id)`.execute(db)
  await sql`create index idempotent_call_by_age on idempotent_call (created_at)`.execute(db)
}

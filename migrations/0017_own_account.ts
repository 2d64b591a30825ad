import { type Kysely, sql } from 'kysely'

/** Who may see a code device being set up, and which sessions began without one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table code_enrolment
      -- the session that gave the proof; no other gets to see the seed
      add column session_id text not null`.execute(db)
  await sql`
    alter table session
      -- begun with a recovery code instead of the code device's
      add column recovered boolean not null default false`.execute(db)
}

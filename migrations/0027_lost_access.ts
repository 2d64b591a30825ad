import { type Kysely, sql } from 'kysely'

/** What stops keys within a recovery case, and which solved challenges were used. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table emergency_stop (
      recovery_case_id text not null references recovery_case,
      key_id text not null references key,
      at timestamptz(3) not null,
      by text not null references person,
      reason text not null check (length(reason) between 1 and 1000),
      primary key (recovery_case_id, key_id, at)
    )`.execute(db)
  await sql`
    create table spent_challenge (
      -- SHA-256 of the challenge's signature
      hash bytea primary key,
      -- when the challenge runs out, and nothing has to be remembered any more
      expires_at timestamptz(3) not null
    )`.execute(db)
  await sql`create index spent_challenge_by_end on spent_challenge (expires_at)`.execute(db)
}

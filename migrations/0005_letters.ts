import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table letter (
      id text primary key,
      -- what makes the letter the one it is, so that an effect repeated writes no second one
      natural_key text not null unique,
      kind text not null,
      to_address text not null,
      to_name text not null,
      -- what the template shows; never a secret or a code
      facts jsonb not null,
      message_id text not null unique,
      -- the rotation it belongs to, whose letters make one thread
      thread text,
      created_at timestamptz(3) not null,
      -- empty once it is sent or given up; pushed ahead while a worker holds it, so a dead one's lease runs out
      next_attempt_at timestamptz(3),
      attempts integer not null default 0,
      sent_at timestamptz(3),
      gave_up_at timestamptz(3),
      last_error text,
      check (sent_at is null or gave_up_at is null),
      check ((next_attempt_at is null) = (sent_at is not null or gave_up_at is not null))
    )`.execute(db)
  await sql`create index letter_due on letter (next_attempt_at) where next_attempt_at is not null`.execute(db)
  await sql`create index letter_by_thread on letter (thread)`.execute(db)
}

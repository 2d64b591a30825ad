import { type Kysely, sql } from 'kysely'

/** When people get their daily letter, what could not be sent, and when a worker was last at work. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // a time long gone: it has yet to be worked out, in the person's time zone
  await sql`alter table person add column digest_due_at timestamptz(3) not null default 'epoch'`.execute(db)
  await sql`
    create index person_digest_due on person (digest_due_at)
    where disabled_at is null and password_hash is not null`.execute(db)
  await sql`create index letter_given_up on letter (gave_up_at) where gave_up_at is not null`.execute(db)
  await sql`create index letter_sent on letter (sent_at) where sent_at is not null`.execute(db)
  await sql`
    create table worker_sign (
      one boolean primary key default true check (one),
      seen_at timestamptz(3) not null
    )`.execute(db)
}

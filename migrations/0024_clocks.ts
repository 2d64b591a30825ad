import { type Kysely, sql } from 'kysely'

/** The worker tells people of an end that the use or pick-up of a new key has moved forward. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table reminder
      drop constraint reminder_kind_check,
      add constraint reminder_kind_check
        check (kind in ('decide', 'answer', 'old_key_stops', 'not_picked_up', 'clock_started'))`.execute(db)
}

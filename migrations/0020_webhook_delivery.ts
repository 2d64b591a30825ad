import { type Kysely, sql } from 'kysely'

/** What the sender of webhooks has to remember between two attempts. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table webhook_endpoint
      -- it said 410, or nothing arrived there for days; nothing is sent until it is switched on again
      add column switched_off_at timestamptz(3),
      add column switched_off_because text,
      -- it asked for a pause (Retry-After): nothing is sent before
      add column paused_until timestamptz(3)`.execute(db)
  await sql`
    alter table webhook_delivery
      -- while a worker holds it; a replay leaves it alone until then
      add column held_until timestamptz(3),
      -- how many attempts were made before it was last replayed: the schedule starts anew after them
      add column replayed_after integer not null default 0`.execute(db)
  await sql`create index webhook_delivery_waiting on webhook_delivery (endpoint_id, next_attempt_at)
    where next_attempt_at is not null`.execute(db)
}

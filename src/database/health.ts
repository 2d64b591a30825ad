import { sql } from 'kysely'
import type { Db } from './connect.ts'

const SIGN_EVERY_SECONDS = 5

/** Writes down, every few seconds at most, that a worker is at work. False, since it makes no work. */
export async function leaveSign(db: Db): Promise<false> {
  await sql`
    insert into worker_sign as sign (seen_at) values (clock_timestamp())
    on conflict (one) do update set seen_at = excluded.seen_at
    where sign.seen_at < excluded.seen_at - ${SIGN_EVERY_SECONDS} * interval '1 second'`.execute(db)
  return false
}

/** How many wait of something, and since when the oldest has been due. */
export type Backlog = { count: number; oldest: Date | null }

export type Health = {
  now: Date
  databaseVersion: string
  workerSeenAt: Date | null
  items: Backlog
  reminders: Backlog
  letters: Backlog
  webhooks: Backlog
  lastLetterSentAt: Date | null
  lettersGivenUp: number
}

type Row = {
  now: Date
  databaseVersion: string
  workerSeenAt: Date | null
  lastLetterSentAt: Date | null
  lettersGivenUp: string
  itemCount: string
  itemOldest: Date | null
  reminderCount: string
  reminderOldest: Date | null
  letterCount: string
  letterOldest: Date | null
  webhookCount: string
  webhookOldest: Date | null
}

function backlog(count: string, oldest: Date | null): Backlog {
  return { count: Number(count), oldest }
}

/**
 * How the desk itself is: what is due and not done, what could not be sent, and when a worker was last seen. A letter's age counts from
 * when it was written, a delivery's likewise, since each failed try makes them due later.
 */
export async function findHealth(db: Db): Promise<Health> {
  const { rows } = await sql<Row>`
    select clock_timestamp() as now, current_setting('server_version') as "databaseVersion",
      (select seen_at from worker_sign) as "workerSeenAt",
      (select max(sent_at) from letter where sent_at is not null) as "lastLetterSentAt",
      (select count(*) from letter where gave_up_at is not null) as "lettersGivenUp",
      due.count as "itemCount", due.oldest as "itemOldest",
      late.count as "reminderCount", late.oldest as "reminderOldest",
      unsent.count as "letterCount", unsent.oldest as "letterOldest",
      undelivered.count as "webhookCount", undelivered.oldest as "webhookOldest"
    from
      (select count(*), min(item.due_at) as oldest from item join rotation on ref = rotation_ref
        where item.due_at <= clock_timestamp()
          and (item.status = 'overlap' or (item.status = 'pending' and rotation.status in ('scheduled', 'executing')))) as due,
      (select count(*), min(due_at) as oldest from reminder where due_at <= clock_timestamp()) as late,
      (select count(*), min(created_at) as oldest from letter where next_attempt_at is not null) as unsent,
      (select count(*), min(created_at) as oldest from webhook_delivery where next_attempt_at is not null) as undelivered
  `.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the database told nothing')
  return {
    now: row.now,
    databaseVersion: row.databaseVersion,
    workerSeenAt: row.workerSeenAt,
    items: backlog(row.itemCount, row.itemOldest),
    reminders: backlog(row.reminderCount, row.reminderOldest),
    letters: backlog(row.letterCount, row.letterOldest),
    webhooks: backlog(row.webhookCount, row.webhookOldest),
    lastLetterSentAt: row.lastLetterSentAt,
    lettersGivenUp: Number(row.lettersGivenUp),
  }
}

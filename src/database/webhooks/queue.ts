import { type Selectable, sql } from 'kysely'
import type { Db } from '../connect.ts'
import type { Database } from '../schema.ts'

/** A delivery that a worker holds, with what it takes to make the attempt. */
export type DeliveryClaim = {
  id: string
  endpointId: string
  eventId: string
  url: string
  body: string
  /** The attempt that this claim is for, counted from 1. */
  attempts: number
  replayedAfter: number
}

type Room = {
  /** Deliveries to claim at most. */
  count: number
  /** Of one endpoint. */
  perEndpoint: number
  /** Endpoints that have enough under way. */
  except: readonly string[]
  leaseSeconds: number
}

/**
 * Claims due deliveries, those due the longest first, a few of each endpoint at most, so that one with a long queue never takes the
 * others' room. Whoever claims has them for `leaseSeconds`; a claim counts as an attempt. Nothing is claimed for an endpoint that is
 * removed, switched off or pausing.
 */
export async function claimDueDeliveries(db: Db, room: Room): Promise<DeliveryClaim[]> {
  // now() rather than clock_timestamp(), which no index can be searched by
  const { rows } = await sql<DeliveryClaim>`
    with candidate as (
      select waiting.id from webhook_endpoint endpoint
        cross join lateral (
          select id, next_attempt_at from webhook_delivery
          where endpoint_id = endpoint.id and next_attempt_at <= now()
          order by next_attempt_at, id limit ${room.perEndpoint}) as waiting
      where exists (select from webhook_delivery where next_attempt_at <= now())
        and endpoint.removed_at is null and endpoint.switched_off_at is null
        and (endpoint.paused_until is null or endpoint.paused_until <= now())
        and endpoint.id <> all (${room.except}::text[])
      order by waiting.next_attempt_at, waiting.id limit ${room.count}),
    due as (
      select id from webhook_delivery
      where id in (select id from candidate) and next_attempt_at <= now()
      for update skip locked)
    update webhook_delivery as delivery
      set attempts = delivery.attempts + 1,
        next_attempt_at = clock_timestamp() + make_interval(secs => ${room.leaseSeconds}),
        held_until = clock_timestamp() + make_interval(secs => ${room.leaseSeconds})
      from due, webhook_event event, webhook_endpoint endpoint
      where delivery.id = due.id and event.id = delivery.event_id and endpoint.id = delivery.endpoint_id
      returning delivery.id, delivery.endpoint_id, delivery.event_id, endpoint.url, event.body, delivery.attempts,
        delivery.replayed_after`.execute(db)
  return rows
}

/** The secrets that sign for an endpoint at this moment, the newest first, as they are sealed. */
export async function findSigningSecrets(db: Db, endpointId: string) {
  return db
    .selectFrom('webhookSecret')
    .select(['id', 'sealed', 'sealedKeyId'])
    .where('endpointId', '=', endpointId)
    .where(sql<boolean>`(ends_at is null or ends_at > clock_timestamp())`)
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .execute()
}

type Attempt = Omit<Selectable<Database['webhookAttempt']>, 'deliveryId' | 'number'>

async function writeAttempt(db: Db, { id, attempts }: DeliveryClaim, attempt: Attempt): Promise<void> {
  await db
    .insertInto('webhookAttempt')
    .values({ deliveryId: id, number: attempts, ...attempt })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** A claim counts only as long as nobody has claimed the delivery since. */
function heldDelivery(db: Db, { id, attempts }: DeliveryClaim) {
  return db
    .updateTable('webhookDelivery')
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('nextAttemptAt', 'is not', null)
}

/** Records that the endpoint took it, once and for all: whoever else still holds it finds it delivered. */
export async function markDelivered(db: Db, claim: DeliveryClaim, attempt: Attempt): Promise<void> {
  await writeAttempt(db, claim, attempt)
  await db
    .updateTable('webhookDelivery')
    .set({ deliveredAt: attempt.at, nextAttemptAt: null, heldUntil: null, gaveUpAt: null })
    .where('id', '=', claim.id)
    .where('deliveredAt', 'is', null)
    .execute()
}

/** Records a failed attempt, and when the next one is due; null gives the delivery up. */
export async function markFailed(
  db: Db,
  claim: DeliveryClaim,
  attempt: Attempt,
  nextInSeconds: number | null,
): Promise<void> {
  await writeAttempt(db, claim, attempt)
  const next =
    nextInSeconds === null
      ? { nextAttemptAt: null, gaveUpAt: attempt.at }
      : { nextAttemptAt: sql<Date>`clock_timestamp() + make_interval(secs => ${nextInSeconds})` }
  await heldDelivery(db, claim)
    .set({ heldUntil: null, ...next })
    .execute()
}

/** Lets an endpoint rest for as long as it asked, every delivery of it; a longer pause stays. */
export async function pauseEndpoint(db: Db, endpointId: string, seconds: number): Promise<void> {
  const until = sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})`
  await db
    .updateTable('webhookEndpoint')
    .set({ pausedUntil: sql<Date>`greatest(paused_until, ${until})` })
    .where('id', '=', endpointId)
    .execute()
}

/** Ends whatever still waits for an endpoint. */
export async function endDeliveries(db: Db, endpointId: string, at: Date): Promise<void> {
  await db
    .updateTable('webhookDelivery')
    .set({ nextAttemptAt: null, heldUntil: null, gaveUpAt: at })
    .where('endpointId', '=', endpointId)
    .where('nextAttemptAt', 'is not', null)
    .execute()
}

/** Ends due deliveries that nobody will claim: put in the very moment in which their endpoint was removed or switched off. */
export async function endOrphans(db: Db): Promise<void> {
  await sql`
    update webhook_delivery as delivery
      set next_attempt_at = null, held_until = null, gave_up_at = clock_timestamp()
      from webhook_endpoint endpoint
      where endpoint.id = delivery.endpoint_id and delivery.next_attempt_at <= now()
        and (endpoint.removed_at is not null or endpoint.switched_off_at is not null)`.execute(db)
}

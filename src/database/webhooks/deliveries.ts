import { type SqlBool, sql } from 'kysely'
import { Refusal } from '../../rules/refusals.ts'
import type { Db, Trx } from '../connect.ts'
import { decodeCursor, ID, type Page, TIME, toPage } from '../cursor.ts'
import type { Keeper } from './endpoints.ts'

export const DELIVERY_STATUSES = ['waiting', 'delivered', 'failed'] as const
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number]

export type DeliveryView = {
  id: string
  endpointId: string
  /** The `webhook-id` that every attempt carries. */
  eventId: string
  type: string
  /** The reference of the rotation that it tells of. */
  rotation: string | null
  status: DeliveryStatus
  createdAt: Date
  attempts: number
  nextAttemptAt: Date | null
  deliveredAt: Date | null
  /** Of the last attempt that was written down. */
  lastStatus: number | null
  lastError: string | null
}

const STATUS = sql<DeliveryStatus>`case when delivery.next_attempt_at is not null then 'waiting'
  when delivery.delivered_at is not null then 'delivered' else 'failed' end`

const ROTATION = sql<string | null>`event.body::jsonb -> 'data' ->> 'rotation'`

const IS: Record<DeliveryStatus, ReturnType<typeof sql<SqlBool>>> = {
  waiting: sql<SqlBool>`delivery.next_attempt_at is not null`,
  delivered: sql<SqlBool>`(delivery.next_attempt_at is null and delivery.delivered_at is not null)`,
  failed: sql<SqlBool>`(delivery.next_attempt_at is null and delivery.delivered_at is null)`,
}

function selectDeliveries(db: Db, { organisationId }: Keeper) {
  return db
    .selectFrom('webhookDelivery as delivery')
    .innerJoin('webhookEvent as event', 'event.id', 'delivery.eventId')
    .innerJoin('webhookEndpoint as endpoint', 'endpoint.id', 'delivery.endpointId')
    .leftJoinLateral(
      (from) =>
        from
          .selectFrom('webhookAttempt')
          .select(['status as lastStatus', 'error as lastError'])
          .whereRef('deliveryId', '=', 'delivery.id')
          .orderBy('number', 'desc')
          .limit(1)
          .as('last'),
      (join) => join.onTrue(),
    )
    .select(['delivery.id', 'delivery.endpointId', 'delivery.eventId', 'event.type', STATUS.as('status')])
    .select(ROTATION.as('rotation'))
    .select(['delivery.createdAt', 'delivery.attempts', 'delivery.nextAttemptAt', 'delivery.deliveredAt'])
    .select(['last.lastStatus', 'last.lastError'])
    .where('endpoint.removedAt', 'is', null)
    .where('endpoint.organisationId', 'is not distinct from', organisationId)
}

type Filter = { status?: DeliveryStatus | undefined; cursor?: string | undefined; limit: number }

/** A page of what was or is to be sent to an endpoint of the keeper's, the newest first. */
export async function findDeliveries(
  db: Db,
  keeper: Keeper,
  endpointId: string,
  { status, cursor, limit }: Filter,
): Promise<Page<DeliveryView>> {
  const [at, id] = cursor === undefined ? [] : decodeCursor(cursor, [TIME, ID])
  let query = selectDeliveries(db, keeper).where('delivery.endpointId', '=', endpointId)
  if (status !== undefined) query = query.where(IS[status])
  if (at !== undefined && id !== undefined) {
    query = query.where(sql<SqlBool>`(delivery.created_at, delivery.id) < (${at}::timestamptz, ${id})`)
  }
  const rows = await query
    .orderBy('delivery.createdAt', 'desc')
    .orderBy('delivery.id', 'desc')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => [row.createdAt.toISOString(), row.id])
}

export type AttemptView = {
  number: number
  at: Date
  status: number | null
  milliseconds: number
  error: string | null
}
export type DeliveryDetail = DeliveryView & { body: string; tries: AttemptView[] }

/** One delivery of the keeper's, with what is sent and every attempt, if it is there. */
export async function findDelivery(db: Db, keeper: Keeper, id: string): Promise<DeliveryDetail | undefined> {
  const row = await selectDeliveries(db, keeper).select('event.body').where('delivery.id', '=', id).executeTakeFirst()
  if (row === undefined) return undefined
  const tries = await db
    .selectFrom('webhookAttempt')
    .select(['number', 'at', 'status', 'milliseconds', 'error'])
    .where('deliveryId', '=', id)
    .orderBy('number')
    .execute()
  return { ...row, tries }
}

/** Locks a delivery of the keeper's, and tells whether its endpoint is switched off. Refuses NOT_FOUND. */
export async function lockDelivery(trx: Trx, { organisationId }: Keeper, id: string) {
  const delivery = await trx
    .selectFrom('webhookDelivery as delivery')
    .innerJoin('webhookEndpoint as endpoint', 'endpoint.id', 'delivery.endpointId')
    .selectAll('delivery')
    .select('endpoint.switchedOffAt')
    .where('delivery.id', '=', id)
    .where('endpoint.removedAt', 'is', null)
    .where('endpoint.organisationId', 'is not distinct from', organisationId)
    .forNoKeyUpdate('delivery')
    .executeTakeFirst()
  if (delivery === undefined) throw new Refusal('NOT_FOUND')
  return delivery
}

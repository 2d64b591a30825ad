import type { Trx } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import type { WebhookEventType } from '../rules/webhooks/events.ts'

/** Ids, statuses and times: enough to ask the API for the rest. Never a secret, a name or a text that somebody wrote. */
export type WebhookData = Record<string, string | number | boolean | null | readonly string[]>

export type NewWebhookEvent = {
  type: WebhookEventType
  /** What makes it this event, such as the history row it tells of: putting it twice leaves one. */
  naturalKey: string
  at: Date
  data: WebhookData
}

function rowOf(event: NewWebhookEvent, organisationId: string) {
  const { type, naturalKey, at, data } = event
  const body = JSON.stringify({ type, timestamp: at.toISOString(), data })
  return { id: newId('webhookEvent'), naturalKey, organisationId, type, body, createdAt: at }
}

/** The organisation's own endpoints and the desk's, which hear of every organisation. */
async function findListeners(trx: Trx, organisationId: string) {
  return trx
    .selectFrom('webhookEndpoint')
    .select(['id', 'events'])
    .where((is) => is.or([is('organisationId', '=', organisationId), is('organisationId', 'is', null)]))
    .where('removedAt', 'is', null)
    .where('switchedOffAt', 'is', null)
    .orderBy('id')
    .execute()
}

/**
 * Puts events in the outbox inside the caller's transaction, with one delivery for each endpoint that wants to hear of it: they go out
 * if, and only if, that commits. Where nobody listens it costs one look and leaves no row.
 */
export async function putWebhookEvents(
  trx: Trx,
  organisationId: string,
  events: readonly NewWebhookEvent[],
): Promise<void> {
  if (events.length === 0) return
  const listeners = await findListeners(trx, organisationId)
  const wants = (wanted: readonly string[], type: string) => wanted.length === 0 || wanted.includes(type)
  const heard = events.filter(({ type }) => listeners.some((listener) => wants(listener.events, type)))
  if (heard.length === 0) return
  const written = await trx
    .insertInto('webhookEvent')
    .values(heard.map((event) => rowOf(event, organisationId)))
    .onConflict((conflict) => conflict.column('naturalKey').doNothing())
    .returning(['id', 'type', 'createdAt'])
    .execute()
  const deliveries = written.flatMap(({ id, type, createdAt }) =>
    listeners
      .filter((listener) => wants(listener.events, type))
      .map((listener) => ({
        id: newId('webhookDelivery'),
        eventId: id,
        endpointId: listener.id,
        createdAt,
        nextAttemptAt: createdAt,
      })),
  )
  if (deliveries.length > 0) await trx.insertInto('webhookDelivery').values(deliveries).execute()
}

import type { DeliveryStatus, DeliveryView } from '../../../database/webhooks/deliveries.ts'
import type { EndpointView } from '../../../database/webhooks/endpoints.ts'
import { count } from '../../../rules/text/words.ts'
import { shownTime, shownTimeOrNull } from '../../shown/times.ts'

const DELIVERY_TAGS = {
  waiting: { word: 'Waiting', color: 'info' },
  delivered: { word: 'Delivered', color: 'success' },
  failed: { word: 'Not delivered', color: 'danger' },
} as const satisfies Record<DeliveryStatus, { word: string; color: string }>

function endpointTag({ switchedOffAt, pausedUntil }: EndpointView) {
  if (switchedOffAt !== null) return { word: 'Switched off', color: 'danger' }
  return pausedUntil === null ? { word: 'On', color: 'success' } : { word: 'Pausing', color: 'warning' }
}

/** An endpoint as lists and its own page show it. */
export function shownEndpoint(endpoint: EndpointView, timeZone: string) {
  const { id, url, events, createdBy, switchedOffAt, switchedOffBecause } = endpoint
  return {
    id,
    url,
    host: new URL(url).host,
    href: `/webhooks/${id}`,
    status: endpointTag(endpoint),
    events,
    eventsWord: events.length === 0 ? 'every event' : count(events.length, 'type'),
    createdAt: shownTime(endpoint.createdAt, timeZone),
    creator: createdBy.name,
    switchedOffAt: shownTimeOrNull(switchedOffAt, timeZone),
    switchedOffBecause,
    pausedUntil: shownTimeOrNull(endpoint.pausedUntil, timeZone),
    oldSecretEndsAt: shownTimeOrNull(endpoint.oldSecretEndsAt, timeZone),
    lastDeliveredAt: shownTimeOrNull(endpoint.lastDeliveredAt, timeZone),
  }
}

/** What came of the last attempt, as a sentence; null before there was one, and where it is told already. */
function outcome({ status, lastStatus, lastError, attempts }: DeliveryView): string | null {
  if (status === 'delivered') return `It answered ${lastStatus}.`
  return lastError ?? (attempts === 0 ? null : 'How the last attempt went was not written down.')
}

export function shownDelivery(delivery: DeliveryView, timeZone: string) {
  const { id, type, rotation, eventId, status, attempts } = delivery
  return {
    id,
    type,
    eventId,
    href: `/webhooks/deliveries/${id}`,
    rotation: rotation === null ? null : { ref: rotation, href: `/rotations/${rotation}` },
    sendWord: status === 'waiting' ? 'Send now' : 'Send again',
    status: DELIVERY_TAGS[status],
    createdAt: shownTime(delivery.createdAt, timeZone),
    attemptsWord: count(attempts, 'attempt'),
    outcome: outcome(delivery),
    nextAttemptAt: shownTimeOrNull(delivery.nextAttemptAt, timeZone),
    deliveredAt: shownTimeOrNull(delivery.deliveredAt, timeZone),
  }
}

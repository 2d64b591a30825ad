import type { ItemMove, ItemStatus, RotationMove, RotationStatus } from '../rotations/rotation-lifecycle.ts'

/** What endpoints are told of, in the order a person meets it, each with what it means. Stable: receivers switch on the type. */
export const WEBHOOK_EVENTS = {
  'rotation.submitted': 'A rotation was requested.',
  'rotation.needs_info': 'The desk asked the customer something.',
  'rotation.answered': 'The customer answered.',
  'rotation.approved': 'One of several approvals was given.',
  'rotation.scheduled': 'The last approval was given; it starts at its time.',
  'rotation.rejected': 'The desk said no.',
  'rotation.withdrawn': 'The customer took it back.',
  'rotation.expired': 'Nobody decided in time.',
  'rotation.executing': 'New keys are being made.',
  'rotation.overlap': 'Old and new keys work side by side.',
  'rotation.needs_attention': 'Something did not work.',
  'rotation.retried': 'What did not work is tried again.',
  'rotation.completed': 'Only the new keys work.',
  'rotation.rolled_back': 'The new keys were deleted; the old ones go on.',
  'rotation.closed': 'The desk closed it.',
  'item.added': 'A key is to be replaced.',
  'item.overlap': 'A new key was made; the old one still works.',
  'item.retired': 'An old key stopped at its time.',
  'item.revoked': 'An old key was stopped early.',
  'item.rolled_back': 'A new key was deleted; the old one goes on.',
  'item.skipped': 'A key was left out.',
  'item.failed': 'A key could not be replaced.',
  'item.retried': 'Replacing a key is tried again.',
  'item.cancelled': 'A key is not replaced after all.',
  'follow_up.requested': 'More time, an early end or a rollback was asked for.',
  'follow_up.done': 'It was carried out; an old key revoked early is refused from here on.',
  'follow_up.rejected': 'The desk said no to it.',
  'follow_up.lapsed': 'It came too late.',
  'key.created': 'A key was made in a service.',
  'key.edited': 'What a key may do, from where, or how it is called was changed.',
  'key.disabled': 'A key is refused from here on, until it is enabled again.',
  'key.enabled': 'A disabled key is accepted again.',
  'key.deleted': 'A key ended for good, with all its versions.',
  'key.revealed': 'The secret of a version was shown, once.',
} as const
export type WebhookEventType = keyof typeof WEBHOOK_EVENTS

export function isWebhookEventType(text: string): text is WebhookEventType {
  return Object.hasOwn(WEBHOOK_EVENTS, text)
}

/** Every type, in the order of the table. */
export const WEBHOOK_EVENT_TYPES = Object.keys(WEBHOOK_EVENTS).filter(isWebhookEventType)

const MOVES_WITH_A_NAME: Partial<Record<RotationMove, WebhookEventType>> = {
  answer: 'rotation.answered',
  retry: 'rotation.retried',
}

/** A transition of a rotation as endpoints hear of it: by the status it leads to, or by the move where that would not tell. */
export function rotationEventType(move: RotationMove, to: RotationStatus): WebhookEventType {
  if (move === 'approve' && to === 'submitted') return 'rotation.approved'
  return MOVES_WITH_A_NAME[move] ?? `rotation.${to}`
}

/** The same for an item. */
export function itemEventType(move: ItemMove, to: ItemStatus): WebhookEventType {
  if (to === 'pending') return move === 'add' ? 'item.added' : 'item.retried'
  return move === 'revoke_early' ? 'item.revoked' : `item.${to}`
}

import type { ItemView } from '../../database/rotations/items.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import { count, keyWords } from '../../rules/text/words.ts'

/** "Tried 5 times." */
export function triedWords(attempts: number): string | null {
  return attempts === 0 ? null : `Tried ${count(attempts, 'time')}.`
}

/** A key that could not be changed, as its rotation and the form to give up on it tell of it. */
export function stuckFacts(item: ItemView) {
  return {
    id: item.id,
    service: item.serviceName,
    live: item.environment === 'live',
    kindWord: keyWords({ kind: item.kind, name: item.keyName }),
    last4: item.oldVersion?.last4 ?? null,
    problem: item.problem,
    tried: triedWords(item.attempts),
  }
}

/** What of a rotation needs one of the staff, with what they can do about it; null when nothing does. */
export function troubleFacts(rotation: RotationView) {
  const stale = rotation.status === 'needs_attention' && rotation.items.some(({ status }) => status === 'pending')
  const stuck = rotation.items.filter(({ status }) => status === 'failed' || (stale && status === 'pending'))
  if (stuck.length === 0) return null
  const retrying = rotation.status === 'needs_attention'
  return {
    problem: rotation.problem,
    retryAction: retrying && (stale || stuck.length > 1) ? `/rotations/${rotation.ref}/retry` : null,
    retryWord: stale ? 'Ask for approval anew' : 'Try them all again',
    wait: retrying ? null : 'Other keys of this request are still being made; it can be tried again after that.',
    items: stuck.map((item) => ({
      ...stuckFacts(item),
      retryAction: retrying && !stale ? `/items/${item.id}/retry` : null,
      closeHref: `/items/${item.id}/closing`,
    })),
  }
}

import { Refusal } from '../refusals.ts'
import type { Reason } from './approvals.ts'
import { type ItemStatus, isEnded, LIVE_ITEM_STATUSES, type RotationStatus } from './rotation-lifecycle.ts'

type Replaced = {
  ref: string
  status: RotationStatus
  reason: Reason
  items: readonly { keyId: string; status: ItemStatus }[]
}
type Replacing = { reason: Reason; keyIds: readonly string[]; onBehalf: boolean }

function invalid(message: string): Refusal {
  return new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/replaces', message }] })
}

function isLive(status: ItemStatus): boolean {
  const live: readonly ItemStatus[] = LIVE_ITEM_STATUSES
  return live.includes(status)
}

/** Its old versions would stop at once, so every key that is in its overlap has to be meant, and an owner has to mean it. */
function barFromStopping({ ref, items }: Replaced, { keyIds, onBehalf }: Replacing): Refusal | null {
  const overlapping = items.filter((item) => item.status === 'overlap')
  if (overlapping.length === 0) return null
  if (onBehalf) {
    const detail = `Old and new keys of ${ref} both work. Replacing it stops the old ones at once, which only an owner may do.`
    return new Refusal('NOT_ALLOWED', { detail })
  }
  if (overlapping.every((item) => keyIds.includes(item.keyId))) return null
  const detail = `Replacing ${ref} stops all of its old keys at once: name every key of it that still has one, or stop the leaked one early on its page and file that key by itself.`
  return new Refusal('ROTATION_IN_PROGRESS', { detail })
}

/**
 * Why a filing may not take the place of a live rotation, or null: only a leak is a reason for it, and one leak doesn't replace another.
 * Of a key in overlap the older version dies, so that the newer one is what is replaced next: at no time are there three, or none.
 */
export function barFromReplacing(replaced: Replaced, replacing: Replacing): Refusal | null {
  const { ref, status, reason, items } = replaced
  if (replacing.reason !== 'compromised')
    return invalid('Only a request about a leaked key takes the place of another.')
  if (isEnded(status)) {
    const detail = `${ref} is over, so there is nothing to replace. File the request by itself.`
    return new Refusal('ILLEGAL_MOVE', { detail })
  }
  if (reason === 'compromised') {
    const detail = `${ref} is about a leaked key already. Follow that one; its old keys can be stopped early as soon as the new ones are there.`
    return new Refusal('ROTATION_IN_PROGRESS', { detail })
  }
  const shared = items.some((item) => isLive(item.status) && replacing.keyIds.includes(item.keyId))
  if (!shared) return invalid(`None of the keys you chose waits in ${ref}.`)
  return barFromStopping(replaced, replacing)
}

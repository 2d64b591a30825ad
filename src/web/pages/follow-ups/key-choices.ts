import { z } from 'zod'
import type { ItemView } from '../../../database/rotations/items.ts'
import type { RotationView } from '../../../database/rotations/views.ts'
import { latestEnd } from '../../../rules/rotations/overlap.ts'
import { keyWords } from '../../../rules/text/words.ts'
import { oldKeyWorks } from '../../shown/status.ts'
import { howLongAgo, shownTimeOrNull } from '../../shown/times.ts'

/** The ticked items of a form, at least one. */
export function someItems(message: string) {
  return z.preprocess(
    (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]),
    z.array(z.string()).min(1, message),
  )
}

/** The last use of a version in words, with its time and network. */
export function lastUse(version: ItemView['oldVersion'], timeZone: string) {
  const at = version?.lastUsedAt ?? null
  if (version === null || at === null) return { useText: 'Not seen in use.', lastUsed: null, network: null }
  const useText = `Last used ${howLongAgo(at, new Date())},`
  return { useText, lastUsed: shownTimeOrNull(at, timeZone), network: version.lastNetwork }
}

/** One key of a rotation as something to tick. The first has the id that the error summary leads to. */
export function keyChoice(item: ItemView, index: number, chosen: boolean) {
  return {
    id: item.id,
    inputId: index === 0 ? 'item' : item.id,
    service: item.serviceName,
    live: item.environment === 'live',
    kindWord: keyWords({ kind: item.kind, name: item.keyName }),
    last4: item.oldVersion?.last4 ?? '',
    chosen,
  }
}

function isPlannedToStop(rotation: RotationView, item: ItemView): boolean {
  return rotation.followUps.some(
    ({ type, status, itemIds }) => type === 'early_revocation' && status === 'requested' && itemIds.includes(item.id),
  )
}

/** The items whose old key works and is not set to be stopped early, which is final: their end may move, or they may come back. */
function movableItems(rotation: RotationView): ItemView[] {
  return rotation.items.filter((item) => oldKeyWorks(item) && !isPlannedToStop(rotation, item))
}

/** The movable items for which no follow-up of this type waits already. */
export function askableItems(rotation: RotationView, type: 'extension' | 'rollback'): ItemView[] {
  const waiting = rotation.followUps.filter((each) => each.type === type && each.status === 'requested')
  const taken = waiting.flatMap(({ itemIds }) => itemIds)
  return movableItems(rotation).filter(({ id }) => !taken.includes(id))
}

/** The latest end that more time can give an item's old key. */
export function latestEndOf(item: ItemView): Date {
  return latestEnd(item.generatedAt ?? new Date(0), item.oldVersion?.ownEnd ?? null)
}

/** Whether use or pick-up of the new key may still end the old one's time sooner; more time takes that back. */
export function clockWaits({ newVersion }: ItemView): boolean {
  return newVersion !== null && newVersion.clockStarts !== null
}

/** The items that may have more time at all. */
export function extendableItems(rotation: RotationView): ItemView[] {
  return askableItems(rotation, 'extension').filter(
    (item) => item.overlapEndsAt !== null && (item.overlapEndsAt < latestEndOf(item) || clockWaits(item)),
  )
}

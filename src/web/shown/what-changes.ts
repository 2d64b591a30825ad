import type { ItemView } from '../../database/rotations/items.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import { overlapEnd, startsAt } from '../../rules/rotations/overlap.ts'
import { keyWords } from '../../rules/text/words.ts'
import { howLongAgo, type ShownTime, shownTime } from './times.ts'

/** One key as it is and as it would be; both ends are given for a start as early as it is allowed. */
type KeyChange = {
  service: string
  kindWord: string
  live: boolean
  old: { last4: string } | null
  lastUse: string
  network: string | null
  newKeyAt: ShownTime | null
  oldStopsAt: ShownTime | null
  atOnce: boolean
}

function keyChange(item: ItemView, rotation: RotationView, timeZone: string, now: Date): KeyChange {
  const { oldVersion } = item
  const start = startsAt(rotation.notBefore, now)
  const end = overlapEnd(start, rotation.overlapSeconds, oldVersion?.acceptedUntil ?? null)
  const usedAt = oldVersion?.lastUsedAt ?? null
  return {
    service: item.serviceName,
    kindWord: keyWords({ kind: item.kind, name: item.keyName }),
    live: item.environment === 'live',
    old: oldVersion === null ? null : { last4: oldVersion.last4 },
    lastUse: usedAt === null ? 'not seen in use' : `last used ${howLongAgo(usedAt, now)}`,
    network: oldVersion?.lastNetwork ?? null,
    newKeyAt: start > now ? shownTime(start, timeZone) : null,
    oldStopsAt: end > start ? shownTime(end, timeZone) : null,
    atOnce: end <= start,
  }
}

/** What an approval at `now` would lead to, key by key. */
export function whatChanges(rotation: RotationView, timeZone: string, now: Date): KeyChange[] {
  return rotation.items.map((item) => keyChange(item, rotation, timeZone, now))
}

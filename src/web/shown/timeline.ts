import type { RotationEvent } from '../../database/audit/trail.ts'
import { type Change, COUNTED, type TellerContext, type Telling, type Tone, WORDS } from './timeline-words.ts'
import { type ShownTime, shownTime } from './times.ts'

/** As the template takes it; `tone` tells whose words it is, if anybody's. */
export type TimelineEntry = {
  what: string
  text: string | null
  tone: Tone | null
  changes: Change[]
  who: string | null
  at: ShownTime
}

/** `rotation.extend_overlap` is told as "Extend overlap" until somebody finds better words for it. */
function plainWords(action: string): string {
  const words = action.split('.').at(-1)?.replaceAll('_', ' ') ?? action
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function tell(event: RotationEvent, context: TellerContext): Telling | null {
  const teller = WORDS[event.action]
  if (teller === undefined) return { what: plainWords(event.action) }
  if (teller === null) return null
  return typeof teller === 'string' ? { what: teller } : teller(event, context)
}

const NEIGHBOURS_MILLISECONDS = 600_000

function sameKind(one: RotationEvent, other: RotationEvent): boolean {
  if (one.action !== other.action || !COUNTED.has(one.action)) return false
  return one.actor?.id === other.actor?.id && other.at.getTime() - one.at.getTime() < NEIGHBOURS_MILLISECONDS
}

/** Puts neighbours of one kind together: four keys made in a row are one thing that happened. */
function runs(events: readonly RotationEvent[]): { event: RotationEvent; times: number }[] {
  const found: { event: RotationEvent; times: number }[] = []
  for (const event of events) {
    const last = found.at(-1)
    if (last !== undefined && sameKind(last.event, event)) Object.assign(last, { event, times: last.times + 1 })
    else found.push({ event, times: 1 })
  }
  return found
}

/** What happened to a rotation and what was written in it, in words, the oldest first. */
export function timeline(events: readonly RotationEvent[], timeZone: string): TimelineEntry[] {
  const told = events.filter((event) => tell(event, { times: 1, timeZone }) !== null)
  return runs(told).flatMap(({ event, times }) => {
    const telling = tell(event, { times, timeZone })
    if (telling === null) return []
    const { what, text = null, tone = null, changes = [] } = telling
    return [{ what, text, tone, changes, who: event.actor?.name ?? null, at: shownTime(event.at, timeZone) }]
  })
}

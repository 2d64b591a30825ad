import type { TrailEntry } from '../../database/audit/trail.ts'
import { count } from '../../rules/text/words.ts'
import { type ShownTime, shownTime } from './times.ts'

type Happening = { what: string; text: string | null }
export type TimelineEntry = Happening & { who: string | null; at: ShownTime }

const WORDS: Readonly<Record<string, string>> = {
  'rotation.submit': 'Filed',
  'rotation.ask': 'The desk asked',
  'rotation.answer': 'Answered',
  'rotation.reject': 'Rejected',
  'rotation.withdraw': 'Withdrawn',
  'rotation.expire': 'Expired undecided',
  'rotation.retry': 'Tried again',
  'rotation.close': 'Closed',
  'rotation.revoke_early': 'Old keys revoked early',
}

const SETTLED: Readonly<Record<string, string>> = {
  overlap: 'From here on old and new keys work side by side',
  completed: 'Completed',
  needs_attention: 'Stopped, needs attention',
  rolled_back: 'Rolled back',
}

const COUNTED: Readonly<Record<string, (number: number) => string>> = {
  'item.execute': (number) => `${count(number, 'new key')} made`,
  'item.skip': (number) => `${count(number, 'key')} skipped`,
  'item.fail': (number) => `${count(number, 'key')} could not be changed`,
  'item.retire': (number) => `${count(number, 'old key')} stopped`,
  'version.reveal': (number) => `${count(number, 'new key')} picked up`,
}

function textFact(entry: TrailEntry, name: string): string | null {
  const value = entry.facts[name]
  return typeof value === 'string' && value !== '' ? value : null
}

function happening(entry: TrailEntry, times: number): Happening | null {
  const counted = COUNTED[entry.action]
  if (counted !== undefined) return { what: counted(times), text: textFact(entry, 'problem') }
  if (entry.action === 'rotation.approve') {
    const last = entry.facts.to === 'scheduled'
    return { what: last ? 'Approved' : 'First approval', text: textFact(entry, 'note') }
  }
  if (entry.action === 'rotation.settle') {
    const what = SETTLED[textFact(entry, 'to') ?? '']
    return what === undefined ? null : { what, text: null }
  }
  const what = WORDS[entry.action]
  return what === undefined
    ? null
    : { what, text: entry.action === 'rotation.reject' ? textFact(entry, 'reason') : null }
}

function sameKind(one: TrailEntry, other: TrailEntry | undefined): boolean {
  if (other === undefined || one.action !== other.action || COUNTED[one.action] === undefined) return false
  return one.actor?.id === other.actor?.id && other.at.getTime() - one.at.getTime() < 600_000
}

/** Puts neighbours of one kind together: four keys made in a row are one thing that happened. */
function runs(entries: readonly TrailEntry[]): { entry: TrailEntry; times: number }[] {
  const found: { entry: TrailEntry; times: number }[] = []
  for (const entry of entries) {
    const last = found.at(-1)
    if (last !== undefined && sameKind(last.entry, entry)) Object.assign(last, { entry, times: last.times + 1 })
    else found.push({ entry, times: 1 })
  }
  return found
}

/** What happened to a rotation in words, the newest first. What is only the desk's own bookkeeping is left out. */
export function timeline(entries: readonly TrailEntry[], timeZone: string): TimelineEntry[] {
  const told = entries.filter((entry) => happening(entry, 1) !== null)
  return runs(told)
    .flatMap(({ entry, times }) => {
      const what = happening(entry, times)
      return what === null ? [] : [{ ...what, who: entry.actor?.name ?? null, at: shownTime(entry.at, timeZone) }]
    })
    .toReversed()
}

import type { ShownEntry, TrailFilter } from '../../database/audit/search.ts'
import { shortId } from '../../rules/text/foreign-text.ts'
import { parseLocalTime } from '../../rules/text/local-times.ts'
import type { Problems } from '../forms/form.ts'
import { shownTime } from './times.ts'

/** The chain of what concerns no organisation. */
export const DESK = 'desk'

/** What entries are about, as their actions begin. */
export const ABOUT: Readonly<Record<string, string>> = {
  rotation: 'Rotations',
  item: 'Keys within rotations',
  followUp: 'Follow-ups',
  version: 'Secrets shown',
  service: 'Services',
  key: 'Keys',
  suspicion: 'Suspicious use',
  review: 'Reviews of permissions',
  dependant: 'What depends on keys',
  task: 'Tasks about what depends on keys',
  dataset: 'Datasets',
  member: 'Members',
  staff: 'Staff',
  person: 'Accounts',
  token: 'API tokens',
  gateway: 'Gateways',
  webhook: 'Webhooks',
  organisation: 'Organisations',
  recovery: 'Recovery of access',
  desk: 'The desk',
}

type Wishes = { chain: string; about: string; person: string; rotation: string; from: string; until: string }

function startOfDay(day: string, timeZone: string): Date | null {
  return /^\d{4}-\d\d-\d\d$/.test(day) ? parseLocalTime(`${day}T00:00`, timeZone) : null
}

/** The day after one of the calendar, whatever the clocks do in between. */
function nextDay(day: string): string {
  const time = new Date(`${day}T00:00:00Z`).getTime()
  return Number.isNaN(time) ? '' : new Date(time + 86_400_000).toISOString().slice(0, 10)
}

/** What the filter's form asks for; a wish that can't be met is a problem and left out. */
export function trailFilter(wishes: Wishes, timeZone: string): { filter: TrailFilter; problems: Problems | null } {
  const { chain, about, person, rotation, from, until } = wishes
  const problems: Record<string, string> = {}
  const start = startOfDay(from, timeZone)
  const end = startOfDay(nextDay(until), timeZone)
  if (from !== '' && start === null) problems.from = 'Enter a date, such as 2026-11-02.'
  if (until !== '' && end === null) problems.until = 'Enter a date, such as 2026-11-30.'
  const ref = /^(ROT-)?(\d{1,15})$/i.exec(rotation)?.[2]
  if (rotation !== '' && ref === undefined) problems.rotation = 'A reference looks like ROT-1042.'
  const filter: TrailFilter = {
    ...(chain === '' ? {} : { chain }),
    ...(ABOUT[about] === undefined ? {} : { action: `${about}.` }),
    ...(person === '' ? {} : { person }),
    ...(ref === undefined ? {} : { rotation: `ROT-${ref}` }),
    ...(start === null ? {} : { from: start }),
    ...(end === null ? {} : { until: end }),
  }
  return { filter, problems: Object.keys(problems).length === 0 ? null : problems }
}

const NOBODY: Readonly<Record<string, string>> = {
  worker: 'Rekey, at its due time',
  setup: 'whoever set the desk up',
  desk: 'Rekey, by a rule',
}

function factText(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(', ')
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Who did it, in words. */
export function actorWords({ actor, proof }: ShownEntry): string {
  if (actor !== null) return actor.name
  const [, kind = ''] = /"actor":"(\w+)"/.exec(proof.body) ?? []
  return NOBODY[kind] ?? kind
}

/** One entry of the trail as the page shows it, with the hash that proves it. */
export function trailRow(entry: ShownEntry, timeZone: string) {
  const { chain, sequence, hash } = entry.proof
  return {
    at: shownTime(entry.at, timeZone),
    action: entry.action,
    who: actorWords(entry),
    rotation: entry.rotation === null ? null : { ref: entry.rotation, href: `/rotations/${entry.rotation}` },
    facts: Object.entries(entry.facts)
      .filter(([, value]) => value !== null && value !== '')
      .map(([name, value]) => ({ name, text: factText(value) })),
    place: `${chain === DESK ? 'desk' : shortId(chain)}/${sequence}`,
    hash,
    hashStart: hash.slice(0, 12),
  }
}

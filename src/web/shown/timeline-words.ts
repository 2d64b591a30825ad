import type { RotationEvent } from '../../database/audit/trail.ts'
import { REASONS } from '../../rules/rotations/approvals.ts'
import { FIELD_LABELS, type RequestFields } from '../../rules/rotations/conversation.ts'
import { formatTime } from '../../rules/text/times.ts'
import { count, durationInWords, REASON_WORDS } from '../../rules/text/words.ts'

/** Whose words a thing is: the customer's, the desk's to the customer, or the staff's among themselves. */
export type Tone = 'customer' | 'desk' | 'note'
export type Change = { label: string; before: string; after: string }
export type Telling = { what: string; text?: string | null; tone?: Tone; changes?: Change[] }
/** `times`: how many of a kind came in a row. */
export type TellerContext = { times: number; timeZone: string }
type Teller = string | null | ((event: RotationEvent, context: TellerContext) => Telling | null)

export function textFact(event: RotationEvent, name: string): string | null {
  const value = event.facts[name]
  return typeof value === 'string' && value !== '' ? value : null
}

function personFact(event: RotationEvent, name: string): string | null {
  return event.names.get(textFact(event, name) ?? '') ?? null
}

function said(what: string, event: RotationEvent): Telling {
  const { message } = event
  if (message === null) return { what }
  const tone = message.kind === 'note' ? 'note' : message.fromStaff ? 'desk' : 'customer'
  return { what, text: message.body, tone }
}

function fieldWords(field: keyof RequestFields, value: unknown, timeZone: string): string {
  if (field === 'notBefore')
    return typeof value === 'string' ? formatTime(new Date(value), timeZone) : 'as soon as approved'
  if (field === 'overlapSeconds') return value === 0 ? 'not at all' : durationInWords(Number(value))
  if (field === 'reason') return REASON_WORDS[REASONS.find((reason) => reason === value) ?? 'other']
  return value === '' ? 'none' : String(value)
}

/** What an answer made of the request, old and new. */
function changesOf({ facts }: RotationEvent, timeZone: string): Change[] {
  const fields = Object.keys(FIELD_LABELS).filter((field): field is keyof RequestFields => field in FIELD_LABELS)
  return fields
    .filter((field) => `${field}After` in facts)
    .map((field) => ({
      label: FIELD_LABELS[field],
      before: fieldWords(field, facts[`${field}Before`], timeZone),
      after: fieldWords(field, facts[`${field}After`], timeZone),
    }))
}

function answered(event: RotationEvent, { timeZone }: TellerContext): Telling {
  const changes = changesOf(event, timeZone)
  const what = changes.length === 0 ? 'Answered' : 'Answered, and changed the request'
  return { ...said(what, event), changes }
}

function assigned(event: RotationEvent): Telling {
  const assignee = personFact(event, 'assignee')
  if (assignee === null) return { what: 'Given back, nobody looks after it' }
  return { what: event.actor?.name === assignee ? 'Taken on' : `Given to ${assignee}` }
}

const SETTLED: Readonly<Record<string, string>> = {
  overlap: 'From here on old and new keys work side by side',
  completed: 'Completed',
  needs_attention: 'Stopped, needs attention',
  rolled_back: 'Rolled back',
}

function withFact(what: string, fact: string): Teller {
  return (event) => ({ what, text: textFact(event, fact) })
}

function counted(words: (number: string) => string, noun: string): Teller {
  return (event, { times }) => ({ what: words(count(times, noun)), text: textFact(event, 'problem') })
}

/** What is told of many neighbours as of one. */
export const COUNTED: ReadonlySet<string> = new Set([
  'item.execute',
  'item.skip',
  'item.fail',
  'item.retry',
  'item.retire',
  'item.revoke_early',
  'item.roll_back',
  'version.reveal',
])

/**
 * How each action of the audit trail is told on a rotation's page. Null: another entry of the same moment tells it. One that is missing
 * here is told by its name, so that nothing that happened is left out.
 */
export const WORDS: Readonly<Record<string, Teller>> = {
  'rotation.submit': 'Filed',
  'rotation.ask': (event) => said('The desk asked', event),
  'rotation.answer': answered,
  'rotation.message': (event) => said('Message', event),
  'rotation.note': (event) => said('Internal note', event),
  'rotation.assign': assigned,
  'rotation.approve': (event) => ({
    what: event.facts.to === 'scheduled' ? 'Approved' : 'First approval',
    text: textFact(event, 'note'),
  }),
  'rotation.reject': withFact('Rejected', 'reason'),
  'rotation.withdraw': 'Withdrawn',
  'rotation.expire': 'Expired undecided',
  'rotation.execute': (event) =>
    event.facts.to === 'needs_attention'
      ? { what: 'Set aside, needs attention', text: textFact(event, 'problem') }
      : { what: 'Started' },
  'rotation.settle': (event) => {
    const what = SETTLED[textFact(event, 'to') ?? '']
    return what === undefined ? null : { what }
  },
  'rotation.retry': (event) => ({ what: event.facts.to === 'submitted' ? 'To be approved anew' : 'Tried again' }),
  'rotation.close': withFact('Closed', 'reason'),
  'rotation.revoke_early': 'Old keys revoked early',
  'item.add': null,
  'item.cancel': null,
  'item.execute': counted((keys) => `${keys} made`, 'new key'),
  'item.skip': counted((keys) => `${keys} skipped`, 'key'),
  'item.fail': counted((keys) => `${keys} could not be changed`, 'key'),
  'item.retry': counted((keys) => `${keys} to be tried again`, 'key'),
  'item.retire': counted((keys) => `${keys} stopped`, 'old key'),
  'item.revoke_early': counted((keys) => `${keys} stopped early`, 'old key'),
  'item.roll_back': counted((keys) => `${keys} deleted, the old ones go on`, 'new key'),
  'version.reveal': counted((keys) => `${keys} picked up`, 'new key'),
}

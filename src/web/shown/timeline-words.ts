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

function textFact(event: RotationEvent, name: string): string | null {
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

function filed(event: RotationEvent): Telling {
  const customer = personFact(event, 'onBehalfOf')
  const replaces = textFact(event, 'replaces')
  const what = customer === null ? 'Filed' : `Filed on behalf of ${customer}`
  return { what: replaces === null ? what : `${what}, in place of ${replaces}`, text: textFact(event, 'verifiedBy') }
}

function timeFact(event: RotationEvent, name: string, timeZone: string): string | null {
  const time = textFact(event, name)
  return time === null ? null : formatTime(new Date(time), timeZone)
}

const FOLLOW_UPS: Readonly<Record<string, string>> = {
  early_revocation: 'the planned early stop',
  extension: 'more time for old keys',
  rollback: 'going back to old keys',
}

function followUpWord(event: RotationEvent): string {
  return FOLLOW_UPS[textFact(event, 'type') ?? ''] ?? 'a follow-up'
}

function asked(event: RotationEvent, { timeZone }: TellerContext): Telling {
  const until = timeFact(event, 'until', timeZone)
  return { what: `Asked for ${followUpWord(event)}`, text: until === null ? null : `Until ${until}` }
}

function extended(event: RotationEvent, { timeZone }: TellerContext): Telling {
  return { what: 'Old keys given more time', text: `Until ${timeFact(event, 'overlapEndsAt', timeZone)}` }
}

function clockStarted(event: RotationEvent, { timeZone }: TellerContext): Telling {
  const what = event.facts.by === 'on_pickup' ? 'New key picked up' : 'New key used for the first time'
  return { what: `${what}, so the old one stops sooner`, text: `On ${timeFact(event, 'overlapEndsAt', timeZone)}` }
}

/** One that was planned says for when. */
function revoked(event: RotationEvent, { timeZone }: TellerContext): Telling {
  const from = textFact(event, 'revokedFrom')
  if (from === null || new Date(from) <= event.at) return { what: 'Old keys revoked early' }
  return { what: 'Early stop of old keys planned', text: `For ${formatTime(new Date(from), timeZone)}` }
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
  'version.fetch_sealed',
  'version.acknowledge',
])

/**
 * How each action of the audit trail is told on a rotation's page. Null: another entry of the same moment tells it. One that is missing
 * here is told by its name, so that nothing that happened is left out.
 */
export const WORDS: Readonly<Record<string, Teller>> = {
  'rotation.submit': filed,
  'rotation.ask': (event) => said('Question from the desk', event),
  'rotation.answer': answered,
  'rotation.message': (event) =>
    said(event.message?.fromStaff ? 'Message from the desk' : 'Message to the desk', event),
  'rotation.note': (event) => said('Internal note', event),
  'rotation.assign': assigned,
  'rotation.approve': (event) => ({
    what: event.facts.byPolicy ? 'Approved by policy' : event.facts.to === 'scheduled' ? 'Approved' : 'First approval',
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
  'rotation.revoke_early': revoked,
  'rotation.extend': extended,
  'rotation.start_clock': clockStarted,
  'rotation.roll_back': 'Went back to old keys',
  'follow_up.request': asked,
  'follow_up.approve': (event) => ({ what: `Approved: ${followUpWord(event)}` }),
  'follow_up.reject': (event) => ({ what: `Rejected: ${followUpWord(event)}`, text: textFact(event, 'reason') }),
  'follow_up.lapse': (event) => ({ what: `Lapsed, since the old key had ended: ${followUpWord(event)}` }),
  'item.add': null,
  'item.cancel': (event) =>
    event.facts.reason ? { what: 'A key was given up', text: textFact(event, 'reason') } : null,
  'item.execute': counted((keys) => `${keys} made`, 'new key'),
  'item.skip': counted((keys) => `${keys} skipped`, 'key'),
  'item.fail': counted((keys) => `${keys} could not be changed`, 'key'),
  'item.retry': counted((keys) => `${keys} to be tried again`, 'key'),
  'item.retire': counted((keys) => `${keys} stopped`, 'old key'),
  'item.revoke_early': counted((keys) => `${keys} stopped early`, 'old key'),
  'item.roll_back': counted((keys) => `${keys} deleted, the old ones go on`, 'new key'),
  'task.complete': (event) => ({ what: `${textFact(event, 'name')} was given the new key` }),
  'task.reopen': (event) => ({ what: `${textFact(event, 'name')} holds the old key` }),
  'version.reveal': counted((keys) => `${keys} picked up`, 'new key'),
  'version.fetch_sealed': counted((keys) => `${keys} fetched as age files`, 'new key'),
  'version.acknowledge': counted((keys) => `${keys} said to be stored`, 'new key'),
  'leak.report': 'The key was reported as found in public',
  'version.reissue': 'A lost new key was made anew',
}

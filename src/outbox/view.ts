import { isolated, oneLine, severalLines, shortId } from '../rules/text/foreign-text.ts'
import { formatTime } from '../rules/text/times.ts'
import { count, durationInWords, ENVIRONMENT_WORDS, KIND_WORDS, REASON_WORDS, ROLE_WORDS } from '../rules/text/words.ts'
import type { Format } from './compile.ts'
import type { ItemFacts, LetterContent, Notice, RotationFacts, RotationLetterKind } from './letters.ts'

/** What a letter shows beside its facts. */
export type Letterhead = {
  /** Origin that the one link begins with. */
  publicUrl: string
  /** Where an answer goes, if anywhere. */
  mailReplyTo: string | undefined
}

const DONE_BY = {
  received: 'Requested by',
  'approval-needed': 'Requested by',
  approved: 'Approved by',
  rejected: 'Rejected by',
  withdrawn: 'Withdrawn by',
  'new-keys-ready': 'Made by',
  'old-key-revoked': 'Revoked by',
  completed: 'Completed by',
  'filed-on-behalf': 'Filed by',
  question: 'Asked by',
  answered: 'Answered by',
  message: 'Written by',
  'expires-soon': 'Requested by',
  expired: 'Expired by',
  delayed: 'Requested by',
  failed: 'Tried by',
  'old-key-stops': 'Reminded by',
  'not-picked-up': 'Reminded by',
  'follow-up-needed': 'Requested by',
  'follow-up-rejected': 'Rejected by',
  extended: 'Extended by',
  'rolled-back': 'Rolled back by',
  closed: 'Closed by',
} as const satisfies Record<RotationLetterKind, string>

const NOTICE_WORDS = {
  password_changed: 'Your password was changed',
  email_changed: 'Your email address was changed',
  code_device_changed: 'Your code device was replaced',
  recovery_codes_made: 'New recovery codes were made for your account',
  recovery_code_used: 'A recovery code was used to sign in to your account',
  token_made: 'An API token was made',
  unattended_token_made: 'An unattended API token was made',
  account_unlocked: 'An account was unlocked',
  member_joined: 'Somebody joined',
  role_changed: 'A role was changed',
  member_removed: 'Somebody was removed',
  service_removed: 'A service was removed, and its keys stopped',
  webhook_added: 'A webhook was added',
  recovery_opened: 'A recovery of access was opened',
  recovery_confirmed: 'A recovery of access was confirmed by a second agent',
  recovery_done: 'Access was recovered',
} as const satisfies Record<Notice, string>

/** Shown where the desk did it at its due time, with nobody's hand in it. */
const THE_DESK = 'Rekey, as approved'

/** A notice as the letter's subject and first line tell it. */
export function noticeWords(notice: Notice): string {
  return NOTICE_WORDS[notice]
}

type Moment = { iso: string; text: string }

/**
 * Foreign text loses the scheme of addresses in it, so that a name or note can't smuggle a second link into a letter that
 * the vendor sends.
 */
function withoutLinks(text: string): string {
  return text.replace(/[a-z][a-z0-9+.-]*:\/\/+/gi, '')
}

/** A name as the format shows it: HTML isolates with `<bdi>`, plain text with the characters for it. */
function nameIn(format: Format, text: string): string {
  const clean = withoutLinks(oneLine(text))
  return format === 'text' ? isolated(clean) : clean
}

function linesIn(format: Format, text: string): string[] | null {
  const clean = withoutLinks(severalLines(text))
  return clean === '' ? null : clean.split('\n').map((line) => (format === 'text' ? isolated(line) : line))
}

function moment(time: string | null, timeZone: string): Moment | null {
  return time === null ? null : { iso: time, text: formatTime(new Date(time), timeZone) }
}

function approvalSentence(facts: RotationFacts, kind: RotationLetterKind): string {
  const { approvalsNeeded, approvalsGiven } = facts
  if (kind === 'received') {
    const who = approvalsNeeded === 2 ? 'Two support agents have' : 'A support agent has'
    const by = moment(facts.decideBy, facts.timeZone)
    return by === null ? `${who} to approve it.` : `${who} to approve it, by ${by.text} at the latest.`
  }
  if (approvalsNeeded < 2) return 'One approval is enough.'
  return approvalsGiven === 0
    ? 'It needs two approvals, by different people.'
    : 'One of the two approvals it needs is given; yours would be the second.'
}

/** When an item's old key stops: letters that tell of its end never name a later time than their own. */
function stopOf(item: ItemFacts, facts: RotationFacts, kind: RotationLetterKind): string | null {
  const ended = kind === 'old-key-revoked' || kind === 'completed'
  if (item.oldStopsAt === null || !ended) return item.oldStopsAt
  return new Date(item.oldStopsAt) > new Date(facts.at) ? facts.at : item.oldStopsAt
}

/** When it was done: the desk tells of a revocation a little after it counts. */
function doneAt({ at, oldStopsAt }: RotationFacts, kind: RotationLetterKind): string {
  if (kind !== 'old-key-revoked' || oldStopsAt === null) return at
  return new Date(oldStopsAt) < new Date(at) ? oldStopsAt : at
}

function overlapInWords(seconds: number): string {
  return seconds === 0 ? 'none' : `${durationInWords(seconds)} in which old and new keys both work`
}

/** A start that has come already is no news: the reader is told that it is done at once. */
function startOf(facts: RotationFacts): string | null {
  return facts.startsAt !== null && new Date(facts.startsAt) > new Date(facts.at) ? facts.startsAt : null
}

function tellsOfNewKeys(kind: RotationLetterKind): boolean {
  return kind === 'new-keys-ready' || kind === 'completed'
}

function itemView(item: ItemFacts, facts: RotationFacts, kind: RotationLetterKind, format: Format) {
  const stop = stopOf(item, facts, kind)
  const hasStopped = stop !== null && new Date(stop) <= new Date(facts.at)
  return {
    service: nameIn(format, item.service),
    environment: ENVIRONMENT_WORDS[item.environment],
    kind: KIND_WORDS[item.kind],
    oldLast4: item.oldLast4,
    newLast4: item.newLast4,
    stops: moment(stop, facts.timeZone),
    stopWord: hasStopped ? 'stopped on' : 'stops on',
    leftOut: tellsOfNewKeys(kind) && item.newLast4 === null,
  }
}

function rotationView(kind: RotationLetterKind, facts: RotationFacts, format: Format) {
  const concerned = facts.items.filter((item) => !tellsOfNewKeys(kind) || item.newLast4 !== null)
  return {
    ref: facts.ref,
    title: nameIn(format, facts.title),
    organisation: nameIn(format, facts.organisation),
    organisationShort: shortId(facts.organisationId),
    doneBy: DONE_BY[kind],
    who: facts.who === null ? THE_DESK : nameIn(format, facts.who),
    at: moment(doneAt(facts, kind), facts.timeZone),
    reason: REASON_WORDS[facts.reason],
    urgent: facts.reason === 'compromised',
    details: linesIn(format, facts.details),
    note: linesIn(format, facts.note),
    startsAt: moment(startOf(facts), facts.timeZone),
    overlap: overlapInWords(facts.overlapSeconds),
    oldStopsAt: moment(facts.oldStopsAt, facts.timeZone),
    oldStopped: facts.oldStopsAt !== null && new Date(facts.oldStopsAt) <= new Date(facts.at),
    decideBy: moment(facts.decideBy, facts.timeZone),
    approvalSentence: approvalSentence(facts, kind),
    mayReveal: facts.mayReveal ?? true,
    keyCount: count(concerned.length, kind === 'old-key-revoked' ? 'old key' : 'key'),
    noneMade: concerned.length === 0,
    items: facts.items.map((item) => itemView(item, facts, kind, format)),
  }
}

function ownView(letter: LetterContent, format: Format): object {
  if (letter.kind === 'invitation') {
    const { facts } = letter
    return {
      who: nameIn(format, facts.who),
      place: facts.organisation === null ? 'the support desk' : nameIn(format, facts.organisation),
      role: ROLE_WORDS[facts.role],
      expiresAt: moment(facts.expiresAt, facts.timeZone),
    }
  }
  if (letter.kind === 'account-locked') return { at: moment(letter.facts.at, letter.facts.timeZone) }
  if (letter.kind === 'password-reset' || letter.kind === 'email-change') {
    return { expiresAt: moment(letter.facts.expiresAt, letter.facts.timeZone) }
  }
  if (letter.kind === 'security-notice') {
    const { notice, who, about, at, organisation, timeZone } = letter.facts
    return {
      what: NOTICE_WORDS[notice],
      who: who === null ? null : nameIn(format, who),
      about: about === '' ? null : nameIn(format, about),
      organisation: organisation === null ? null : nameIn(format, organisation),
      at: moment(at, timeZone),
    }
  }
  return rotationView(letter.kind, letter.facts, format)
}

/** The one link: `publicUrl` and a path on it. Throws for a path that leads elsewhere, such as `//example.com`. */
function linkTo(path: string, publicUrl: string): string {
  const link = new URL(path, publicUrl)
  if (link.origin !== new URL(publicUrl).origin) throw new Error('the path of the link leads to another site')
  return link.href
}

/** Everything a letter's template shows, as text: the template only places it. */
export function letterView(letter: LetterContent, toName: string, letterhead: Letterhead, format: Format): object {
  return {
    ...ownView(letter, format),
    name: nameIn(format, toName),
    why: nameIn(format, letter.facts.why),
    link: linkTo(letter.facts.path, letterhead.publicUrl),
    host: new URL(letterhead.publicUrl).host,
    replyTo: letterhead.mailReplyTo ?? null,
  }
}

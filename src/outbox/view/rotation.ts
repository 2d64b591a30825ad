import { shortId } from '../../rules/text/foreign-text.ts'
import { count, ENVIRONMENT_WORDS, joinWords, KIND_WORDS, REASON_WORDS } from '../../rules/text/words.ts'
import type { Format } from '../compile.ts'
import type { RotationLetterKind } from '../kinds/names.ts'
import type { ItemFacts, RotationFacts } from '../kinds/rotation.ts'
import { isForStaff } from './action.ts'
import { approvalSentence, clockWords, leftInWords, overlapInWords } from './sentences.ts'
import { linesIn, moment, momentOrNull, nameIn, nameOrNullIn } from './text.ts'
import { DONE_BY, FOLLOW_UP_WORDS, THE_DESK, THE_DESK_AS_APPROVED } from './words.ts'

/** Letters that tell what the old keys do meanwhile, down to their last use. */
const TELLS_OF_USE: readonly RotationLetterKind[] = ['old-key-stops', 'not-picked-up']
/** Letters of an end that has come. */
const TELLS_OF_END: readonly RotationLetterKind[] = ['old-key-revoked', 'completed']
/** Letters about what was made; a key without a new one was left out. */
const TELLS_OF_NEW_KEYS: readonly RotationLetterKind[] = ['new-keys-ready', 'completed']

/** When an item's old key stops: letters that tell of its end never name a later time than their own. */
function stopOf(item: ItemFacts, facts: RotationFacts, kind: RotationLetterKind): string | null {
  if (kind === 'rolled-back') return null
  if (item.oldStopsAt === null || !TELLS_OF_END.includes(kind)) return item.oldStopsAt
  return new Date(item.oldStopsAt) > new Date(facts.at) ? facts.at : item.oldStopsAt
}

/** When it was done: the desk tells of a revocation a little after it counts. */
function doneAt({ at, oldStopsAt }: RotationFacts, kind: RotationLetterKind): string {
  if (kind !== 'old-key-revoked' || oldStopsAt === null) return at
  return new Date(oldStopsAt) < new Date(at) ? oldStopsAt : at
}

/** A start that has come already is no news: the reader is told that it is done at once. */
function startOf(facts: RotationFacts): string | null {
  return facts.startsAt !== null && new Date(facts.startsAt) > new Date(facts.at) ? facts.startsAt : null
}

function whoDidIt(facts: RotationFacts, kind: RotationLetterKind, format: Format): string {
  if (facts.who !== null) return nameIn(format, facts.who)
  return TELLS_OF_NEW_KEYS.includes(kind) ? THE_DESK_AS_APPROVED : THE_DESK
}

/** Names side by side; null when there are none. */
function namesIn(format: Format, names: readonly string[] = []): string | null {
  return names.length === 0 ? null : joinWords(names.map((name) => nameIn(format, name)))
}

function stopWord({ clockRuns }: ItemFacts, facts: RotationFacts): string {
  const clock = clockRuns ? clockWords(facts) : null
  return clock === null ? 'stops on' : `stops ${clock}, at the latest on`
}

function itemView(item: ItemFacts, facts: RotationFacts, kind: RotationLetterKind, format: Format) {
  const stop = stopOf(item, facts, kind)
  const hasStopped = stop !== null && new Date(stop) <= new Date(facts.at)
  const tellsOfUse = TELLS_OF_USE.includes(kind) && item.oldLast4 !== null && item.oldLastUsedAt !== undefined
  return {
    service: nameIn(format, item.service),
    environment: ENVIRONMENT_WORDS[item.environment],
    kind: KIND_WORDS[item.kind],
    oldLast4: item.oldLast4,
    newLast4: item.newLast4,
    newIsDeleted: kind === 'rolled-back' || item.rolledBack === true,
    rolledBack: kind === 'completed' && item.rolledBack === true,
    stops: momentOrNull(stop, facts.timeZone),
    stopWord: hasStopped ? 'stopped on' : stopWord(item, facts),
    leftOut: TELLS_OF_NEW_KEYS.includes(kind) && item.newLast4 === null,
    lastUse: tellsOfUse ? momentOrNull(item.oldLastUsedAt, facts.timeZone) : null,
    lastNetwork: nameOrNullIn(format, item.oldLastNetwork),
    neverUsed: tellsOfUse && item.oldLastUsedAt === null,
    notPickedUp: TELLS_OF_USE.includes(kind) && item.pickedUp === false,
    problem: nameOrNullIn(format, item.problem),
    toBeGivenNew: namesIn(format, item.toBeGivenNew),
    toBeGivenOld: namesIn(format, item.toBeGivenOld),
  }
}

function hasProblem({ items }: RotationFacts): boolean {
  return items.some(({ problem }) => typeof problem === 'string')
}

function concerns(item: ItemFacts, facts: RotationFacts, kind: RotationLetterKind): boolean {
  if (TELLS_OF_NEW_KEYS.includes(kind)) return item.newLast4 !== null && item.rolledBack !== true
  if (kind === 'failed' && hasProblem(facts)) return typeof item.problem === 'string'
  return true
}

function followUpView({ followUp, wantedEnd, timeZone }: RotationFacts) {
  return {
    followUpWords: followUp === undefined ? 'a change' : FOLLOW_UP_WORDS[followUp],
    wantedEnd: momentOrNull(wantedEnd, timeZone),
  }
}

/** What the letters of an old key's last days tell beside its end. */
function endView(facts: RotationFacts) {
  const { at, items, oldStopsAt, timeZone } = facts
  return {
    oldStopsAt: momentOrNull(oldStopsAt, timeZone),
    clock: items.some((item) => item.clockRuns) ? clockWords(facts) : null,
    startedBy: facts.overlapEnds === 'on_pickup' ? 'was picked up' : 'is in use',
    oldStopped: oldStopsAt !== null && new Date(oldStopsAt) <= new Date(at),
    left: oldStopsAt === null ? '' : leftInWords(new Date(oldStopsAt).getTime() - new Date(at).getTime()),
    someNotPickedUp: items.some((item) => item.pickedUp === false),
    someNotGiven: items.some(({ toBeGivenNew = [] }) => toBeGivenNew.length > 0),
    mayReveal: facts.mayReveal ?? true,
    mayAct: (facts.role ?? 'owner') === 'owner',
  }
}

/** Everything that a letter about a rotation shows. */
export function rotationView(kind: RotationLetterKind, facts: RotationFacts, format: Format) {
  // said of each key
  const problems = kind === 'failed' && hasProblem(facts)
  const concerned = facts.items.filter((item) => concerns(item, facts, kind))
  return {
    ref: facts.ref,
    title: nameIn(format, facts.title),
    organisation: nameIn(format, facts.organisation),
    organisationShort: shortId(facts.organisationId),
    doneBy: DONE_BY[kind],
    who: whoDidIt(facts, kind, format),
    at: moment(doneAt(facts, kind), facts.timeZone),
    reason: REASON_WORDS[facts.reason],
    urgent: facts.reason === 'compromised',
    details: linesIn(format, facts.details),
    note: problems ? null : linesIn(format, facts.note),
    startsAt: momentOrNull(startOf(facts), facts.timeZone),
    overlap: overlapInWords(facts),
    decideBy: momentOrNull(facts.decideBy, facts.timeZone),
    approvalSentence: approvalSentence(facts, kind),
    byPolicy: facts.approvalsNeeded === 0,
    keyCount: count(concerned.length, kind === 'old-key-revoked' ? 'old key' : 'key'),
    noneMade: facts.items.every((item) => item.newLast4 === null),
    noneLeft: concerned.length === 0,
    someRolledBack: facts.items.some((item) => item.rolledBack === true),
    items: facts.items.map((item) => itemView(item, facts, kind, format)),
    again: facts.again ?? false,
    forStaff: isForStaff(facts),
    ...followUpView(facts),
    ...endView(facts),
  }
}

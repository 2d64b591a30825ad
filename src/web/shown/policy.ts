import { HOLD_SECONDS } from '../../rules/hold.ts'
import type { DeskPolicy } from '../../rules/policy-change.ts'
import {
  type ApprovalFacts,
  barFromDeciding,
  DECIDE_REMINDERS_SECONDS,
  DECIDE_WITHIN_SECONDS,
  type Decider,
  type Doubt,
  doubts,
  MANY_ITEMS,
  OWNER_CHANGE_SECONDS,
  STALE_AFTER_SECONDS,
} from '../../rules/rotations/approvals.ts'
import { MAX_OVERLAP_SECONDS, MAX_START_AHEAD_SECONDS } from '../../rules/rotations/overlap.ts'
import { barFromPolicy } from '../../rules/rotations/self-service.ts'
import { count, durationInWords as inWords, joinWords } from '../../rules/text/words.ts'
import { ageWords, LEAK_WORDS, reasonWords } from './policy-words.ts'

const OWNER_CHANGE = `an owner’s password, code device or email address changed in the last ${inWords(OWNER_CHANGE_SECONDS)}`

const DOUBT_WORDS = {
  on_behalf: 'it is filed on behalf of an owner',
  owner_changed: OWNER_CHANGE,
  no_overlap: 'the old keys stop at once though none was leaked',
  many_items: `it is about more than ${count(MANY_ITEMS, 'key')}`,
  policy: 'the policy of the desk or of one of the services asks for two',
} as const satisfies Record<Doubt, string>

type Rule = { name: string; lines: string[] }

/** How many agents approve, by the policy and by what makes a second one necessary. */
function approvalLines({ approvalsNeeded, selfService }: DeskPolicy): string[] {
  const { policy: _, ...doubtWords } = DOUBT_WORDS
  const why = joinWords(Object.values(doubtWords)).replace(/ and (?=[^,]*$)/, ', or ')
  const two = approvalsNeeded === 2
  return [
    two
      ? 'Two different agents, always.'
      : 'One agent is enough, except where a mistake or a thief would do most harm.',
    ...(two ? [] : [`Two different ones are needed when ${why}.`]),
    selfService
      ? `Services have self-service: what an owner files with a one-time code for at most ${count(MANY_ITEMS, 'key')} is approved by that, unless ${OWNER_CHANGE}.`
      : 'Where a service has self-service, what an owner files for it with a one-time code is approved by that.',
    'Each approval takes a one-time code and counts for what was seen: a change asks for all of them again.',
  ]
}

/** How long old keys work and when new ones do. */
function overlapLines({ longestOverlapSeconds, overlapByReason, cooldownSeconds }: DeskPolicy): string[] {
  const shorter = reasonWords(overlapByReason)
  return [
    longestOverlapSeconds === 0
      ? 'Old keys stop when the new ones are made.'
      : `Old and new keys both work for at most ${inWords(longestOverlapSeconds)}.`,
    ...(longestOverlapSeconds === MAX_OVERLAP_SECONDS
      ? []
      : [`More time, up to ${inWords(MAX_OVERLAP_SECONDS)} after the new keys were made, takes an agent’s approval.`]),
    ...(shorter.length === 0 ? [] : [`For single reasons at most: ${joinWords(shorter)}.`]),
    ...(cooldownSeconds === 0
      ? []
      : [
          `New keys begin to work ${inWords(cooldownSeconds)} after they were made, but those for a leaked key at once.`,
        ]),
  ]
}

/** What the desk does by itself. */
function selfLines({ remindAgeDays, fileAgeDays, leakResponse }: DeskPolicy): string[] {
  const leak = LEAK_WORDS[leakResponse]
  return [
    remindAgeDays === null
      ? 'Owners are not reminded of the age of keys.'
      : `Owners are reminded of keys that are ${ageWords(remindAgeDays)} old, and every ${ageWords(remindAgeDays)} from then on.`,
    fileAgeDays === null
      ? 'No rotation is filed for the age of keys.'
      : `A rotation is filed for keys that are ${ageWords(fileAgeDays)} old.`,
    `When a key was found in public: ${leak.charAt(0).toLowerCase()}${leak.slice(1)}.`,
  ]
}

function limitLines(policy: DeskPolicy): string[] {
  const { filingsPerHour, filingRanges, keysPerService, keysPerPerson } = policy
  return [
    `A start lies at most ${inWords(MAX_START_AHEAD_SECONDS)} ahead.`,
    `One person files at most ${filingsPerHour} requests an hour.`,
    ...(filingRanges.length === 0 ? [] : [`Owners file from these addresses alone: ${joinWords(filingRanges)}.`]),
    `A service has at most ${keysPerService} keys, and one person makes at most ${keysPerPerson}.`,
  ]
}

/** The rules in force, each with its numbers as the desk applies them. */
export function policyRules(policy: DeskPolicy): Rule[] {
  const reminders = joinWords(DECIDE_REMINDERS_SECONDS.map(inWords))
  return [
    {
      name: 'Who decides',
      lines: [
        'Agents who neither filed nor requested it, and who don’t belong to the organisation.',
        'Administrators decide only what was filed on behalf of an owner.',
      ],
    },
    {
      name: 'How many approve',
      lines: approvalLines(policy),
    },
    {
      name: 'How long a decision may take',
      lines: [
        `A request that nobody decides for ${inWords(DECIDE_WITHIN_SECONDS)} expires. Agents are reminded ${reminders} before.`,
        `An approval that wasn’t carried out within ${inWords(STALE_AFTER_SECONDS)} of its start has to be given anew.`,
      ],
    },
    {
      name: 'Who has to wait',
      lines: [
        `For ${inWords(HOLD_SECONDS)} after their password, code device or email address changed, owners file nothing and nobody picks up keys.`,
        'A leaked key can’t wait: they may file that, two agents approve it, and then they may pick it up.',
      ],
    },
    {
      name: 'Leaked keys',
      lines: [
        'A request about a leaked key takes the place of a routine one for the same key; of keys in overlap the older version stops at once.',
        'An agent alone stops no key: filing on behalf replaces only what has not begun.',
      ],
    },
    { name: 'Overlap', lines: overlapLines(policy) },
    { name: 'What the desk does by itself', lines: selfLines(policy) },
    { name: 'Limits', lines: limitLines(policy) },
  ]
}

/** The kinds of request for which the page tells who would be asked. */
export const POLICY_KINDS = {
  routine: { label: 'A routine request of an owner', facts: {} },
  compromised: { label: 'A leaked key', facts: { reason: 'compromised' } },
  no_overlap: { label: 'Old keys stop at once, none leaked', facts: { overlapSeconds: 0 } },
  many_items: { label: `More than ${count(MANY_ITEMS, 'key')}`, facts: { itemCount: MANY_ITEMS + 1 } },
  on_behalf: { label: 'Filed on behalf of an owner, by you', facts: { filedOnBehalf: true } },
} as const satisfies Record<string, { label: string; facts: Partial<ApprovalFacts> }>
export type PolicyKind = keyof typeof POLICY_KINDS

export function isPolicyKind(text: string): text is PolicyKind {
  return Object.hasOwn(POLICY_KINDS, text)
}

type Sides = Parameters<typeof barFromDeciding>[1]

/** Why the rules bar somebody, told of them rather than to them; null when they don't. */
function whyNotAsked(person: Decider, sides: Sides): string | null {
  if (barFromDeciding(person, sides) === null) return null
  if (person.id === sides.filedById) return 'whoever files it doesn’t decide it'
  if (person.organisationIds.includes(sides.organisationId)) return 'belongs to the organisation'
  return 'administrators decide only what is filed on behalf'
}

type Asking = {
  kind: PolicyKind
  organisationId: string
  ownerChangedAt: Date | null
  staff: readonly (Decider & { name: string })[]
  /** What the policy of the desk asks for; services may have terms of their own. */
  approvalsByPolicy: number
  /** Whether the desk has self-service; services may have terms of their own. */
  selfService: boolean
  /** Who looks, and would file it where it is filed on behalf. */
  viewerId: string
}

function warningOf(may: number, needed: number): string | null {
  if (may >= needed) return null
  if (may === 0) return 'Nobody could decide it, so it would wait until it expires. Invite an agent under Staff.'
  return 'It needs two approvals and only one person may give one, so it would wait until it expires. Invite another agent under Staff.'
}

const BY_POLICY =
  'The desk has self-service: what an owner files with a one-time code is approved by that. For a service of its own terms without self-service, agents decide.'

/** Who would be asked now to decide a request of this kind, nobody where self-service approves it, how many of them are needed and why, and who would not be. */
export function whoIsAsked(asking: Asking, now: Date) {
  const { kind, organisationId, ownerChangedAt, staff, viewerId, approvalsByPolicy } = asking
  const ordinary = {
    reason: 'scheduled',
    overlapSeconds: MAX_OVERLAP_SECONDS,
    itemCount: 1,
    filedOnBehalf: false,
  } as const
  const facts: ApprovalFacts = { ...ordinary, approvalsByPolicy, ownerChangedAt, ...POLICY_KINDS[kind].facts }
  if (barFromPolicy({ ...facts, selfService: asking.selfService, standing: 'step_up' }, now) === null) {
    return { asked: [], notAsked: [], needed: 'nobody is asked', because: BY_POLICY, warning: null }
  }
  const why = doubts(facts, now)
  const needed = why.length > 0 ? 2 : 1
  // The requester is an owner, whom belonging to the organisation bars anyway.
  const sides = { requesterId: '', filedById: facts.filedOnBehalf ? viewerId : '', organisationId }
  const judged = staff.map((person) => ({ name: person.name, bar: whyNotAsked(person, sides) }))
  const asked = judged.filter(({ bar }) => bar === null).map(({ name }) => name)
  return {
    asked,
    notAsked: judged.flatMap(({ name, bar }) => (bar === null ? [] : [{ name, bar }])),
    needed: `${count(needed, 'approval')}${needed === 2 ? ', of two different people' : ''}`,
    because: why.length === 0 ? null : `Two, since ${joinWords(why.map((doubt) => DOUBT_WORDS[doubt]))}.`,
    warning: warningOf(asked.length, needed),
  }
}

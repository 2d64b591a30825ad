import { HOLD_SECONDS } from '../../rules/hold.ts'
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
import { count, durationInWords as inWords, joinWords } from '../../rules/text/words.ts'

const OWNER_CHANGE = `an owner’s password, code device or email address changed in the last ${inWords(OWNER_CHANGE_SECONDS)}`

const DOUBT_WORDS = {
  on_behalf: 'it is filed on behalf of an owner',
  owner_changed: OWNER_CHANGE,
  no_overlap: 'the old keys stop at once though none was leaked',
  many_items: `it is about more than ${count(MANY_ITEMS, 'key')}`,
  policy: 'the policy of the desk or of one of the services asks for two',
} as const satisfies Record<Doubt, string>

type Rule = { name: string; lines: string[] }

/** The rules in force, each with its numbers as the desk applies them. */
export function policyRules(filingsPerHour: number): Rule[] {
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
      lines: [
        'One agent is enough, except where a mistake or a thief would do most harm.',
        `Two different ones are needed when ${joinWords(Object.values(DOUBT_WORDS)).replace(/ and (?=[^,]*$)/, ', or ')}.`,
        'Each approval takes a one-time code and counts for what was seen: a change asks for all of them again.',
      ],
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
    {
      name: 'Limits',
      lines: [
        `Old and new keys both work for at most ${inWords(MAX_OVERLAP_SECONDS)}. A start lies at most ${inWords(MAX_START_AHEAD_SECONDS)} ahead.`,
        `One person files at most ${filingsPerHour} requests an hour.`,
      ],
    },
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
  /** Who looks, and would file it where it is filed on behalf. */
  viewerId: string
}

function warningOf(may: number, needed: number): string | null {
  if (may >= needed) return null
  if (may === 0) return 'Nobody could decide it, so it would wait until it expires. Invite an agent under Staff.'
  return 'It needs two approvals and only one person may give one, so it would wait until it expires. Invite another agent under Staff.'
}

/** Who would be asked now to decide a request of this kind, how many of them are needed and why, and who would not be. */
export function whoIsAsked({ kind, organisationId, ownerChangedAt, staff, viewerId }: Asking, now: Date) {
  const ordinary = {
    reason: 'scheduled',
    overlapSeconds: MAX_OVERLAP_SECONDS,
    itemCount: 1,
    filedOnBehalf: false,
    approvalsByPolicy: 1,
  } as const
  const facts: ApprovalFacts = { ...ordinary, ownerChangedAt, ...POLICY_KINDS[kind].facts }
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

import {
  type ApprovalFacts,
  barFromDeciding,
  type Decider,
  doubts,
  MANY_ITEMS,
} from '../../rules/rotations/approvals.ts'
import { MAX_OVERLAP_SECONDS } from '../../rules/rotations/overlap.ts'
import { barFromPolicy } from '../../rules/rotations/self-service.ts'
import { count, joinWords } from '../../rules/text/words.ts'
import { DOUBT_WORDS } from './policy.ts'

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

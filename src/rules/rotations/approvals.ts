import { Refusal } from '../refusals.ts'
import { DAY_SECONDS, startsAt } from './overlap.ts'

export const REASONS = ['compromised', 'suspected', 'lost', 'staff_change', 'scheduled', 'other'] as const
export type Reason = (typeof REASONS)[number]

/** Above this many items a rotation needs a second approval. */
export const MANY_ITEMS = 10
/** A rotation that nobody decides for this long expires. */
export const DECIDE_WITHIN_SECONDS = 14 * DAY_SECONDS
/** How long before that the agents are reminded. */
export const DECIDE_REMINDERS_SECONDS = [7 * DAY_SECONDS, DAY_SECONDS] as const
/** An approval that wasn't carried out this long after its start counts no more. */
export const STALE_AFTER_SECONDS = 7 * DAY_SECONDS
/** So long after an owner's password, code device or email changed a rotation needs a second approval. */
export const OWNER_CHANGE_SECONDS = 7 * DAY_SECONDS

export type ApprovalFacts = {
  reason: Reason
  overlapSeconds: number
  itemCount: number
  filedOnBehalf: boolean
  /** When the password, code device or email of an owner last changed; a first set-up is no change. */
  ownerChangedAt: Date | null
  /** What the policy of its services asks for at least. */
  approvalsByPolicy: number
}

/** Whether a change of an owner's password, code device or email at `at` is less than 7 days old, so that a thief may have made it. */
export function ownerChangedLately(at: Date | null, now: Date): at is Date {
  return at !== null && now.getTime() - at.getTime() < OWNER_CHANGE_SECONDS * 1000
}

/** What makes a second approval necessary. */
export type Doubt = 'on_behalf' | 'owner_changed' | 'no_overlap' | 'many_items' | 'policy'

/** Why a rotation needs a second approval: where a mistake or a thief would do most harm, or the policy says so. Empty: one is enough. */
export function doubts(facts: ApprovalFacts, now: Date): Doubt[] {
  const cutsOffAtOnce = facts.overlapSeconds === 0 && facts.reason !== 'compromised'
  return [
    ...(facts.filedOnBehalf ? (['on_behalf'] as const) : []),
    ...(ownerChangedLately(facts.ownerChangedAt, now) ? (['owner_changed'] as const) : []),
    ...(cutsOffAtOnce ? (['no_overlap'] as const) : []),
    ...(facts.itemCount > MANY_ITEMS ? (['many_items'] as const) : []),
    ...(facts.approvalsByPolicy > 1 ? (['policy'] as const) : []),
  ]
}

/** How many approvals a rotation needs, decided when it is filed, and again when its approval has gone stale. */
export function approvalsNeeded(facts: ApprovalFacts, now: Date): 1 | 2 {
  return doubts(facts, now).length > 0 ? 2 : 1
}

/** When a rotation that has to be decided from `since` on expires undecided. */
export function decideBy(since: Date): Date {
  return new Date(since.getTime() + DECIDE_WITHIN_SECONDS * 1000)
}

/** The reminders of a decision that is due by `deadline`, without those whose time has passed. */
export function decideReminders(deadline: Date, now: Date): { kind: 'decide'; of: Date; dueAt: Date }[] {
  return DECIDE_REMINDERS_SECONDS.map((before) => ({
    kind: 'decide' as const,
    of: deadline,
    dueAt: new Date(deadline.getTime() - before * 1000),
  })).filter(({ dueAt }) => dueAt > now)
}

/** Whether the time to decide is over; at the deadline to the millisecond it is. */
export function decisionIsOverdue(deadline: Date | null, now: Date): boolean {
  return deadline !== null && deadline <= now
}

/** Whether an approval is too old to be carried out: 7 days after the start that it allowed. */
export function approvalIsStale(approved: { notBefore: Date | null; decidedAt: Date | null }, now: Date): boolean {
  if (approved.decidedAt === null) return false
  const start = startsAt(approved.notBefore, approved.decidedAt)
  return now.getTime() - start.getTime() >= STALE_AFTER_SECONDS * 1000
}

/** Whoever may or may not decide: `staffRole` null is no staff. */
export type Decider = { id: string; staffRole: 'agent' | 'admin' | null; organisationIds: readonly string[] }
/** `filedById` null: the desk itself filed it. */
type Sides = { requesterId: string; filedById: string | null; organisationId: string }

/** Whether somebody of the staff filed it for an owner. */
export function wasFiledOnBehalf(rotation: Pick<Sides, 'requesterId' | 'filedById'>): boolean {
  return rotation.filedById !== null && rotation.filedById !== rotation.requesterId
}

/**
 * Why this person may not decide a rotation, or null: nobody decides one that they filed, or one of an organisation they belong to;
 * admins may decide only what was filed on behalf.
 */
export function barFromDeciding(person: Decider, rotation: Sides): Refusal | null {
  if (person.staffRole === null) return new Refusal('NOT_ALLOWED')
  const own = person.id === rotation.requesterId || person.id === rotation.filedById
  if (own || person.organisationIds.includes(rotation.organisationId)) return new Refusal('OWN_ROTATION')
  if (person.staffRole === 'agent' || wasFiledOnBehalf(rotation)) return null
  const detail = 'An agent has to decide this; administrators only decide what was filed on behalf.'
  return new Refusal('NOT_ALLOWED', { detail })
}

export function mayDecide(person: Decider, rotation: Sides): boolean {
  return barFromDeciding(person, rotation) === null
}

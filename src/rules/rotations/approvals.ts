import { Refusal } from '../refusals.ts'
import { DAY_SECONDS } from './overlap.ts'

export const REASONS = ['compromised', 'suspected', 'lost', 'staff_change', 'scheduled', 'other'] as const
export type Reason = (typeof REASONS)[number]

/** Above this many items a rotation needs a second approval. */
const MANY_ITEMS = 10
/** A rotation that nobody decides for this long expires. */
export const DECIDE_WITHIN_SECONDS = 14 * DAY_SECONDS
const OWNER_CHANGE_SECONDS = 7 * DAY_SECONDS

export type ApprovalFacts = {
  reason: Reason
  overlapSeconds: number
  itemCount: number
  filedOnBehalf: boolean
  /** When the password, code device or email of an owner last changed; a first set-up is no change. */
  ownerChangedAt: Date | null
}

/** Whether a change of an owner's password, code device or email at `at` is less than 7 days old, so that a thief may have made it. */
export function ownerChangedLately(at: Date | null, now: Date): at is Date {
  return at !== null && now.getTime() - at.getTime() < OWNER_CHANGE_SECONDS * 1000
}

/** How many approvals a rotation needs, decided when it is filed: two where a mistake or a thief would do most harm. */
export function approvalsNeeded(facts: ApprovalFacts, now: Date): 1 | 2 {
  const cutsOffAtOnce = facts.overlapSeconds === 0 && facts.reason !== 'compromised'
  const doubtful = facts.filedOnBehalf || ownerChangedLately(facts.ownerChangedAt, now)
  return doubtful || cutsOffAtOnce || facts.itemCount > MANY_ITEMS ? 2 : 1
}

type Decider = { id: string; staffRole: 'agent' | 'admin' | null; organisationIds: readonly string[] }
type Sides = { requesterId: string; filedById: string; organisationId: string }

/**
 * Why this person may not decide a rotation, or null: nobody decides one that they filed, or one of an organisation they belong to;
 * admins may decide only what was filed on behalf.
 */
export function barFromDeciding(person: Decider, rotation: Sides): Refusal | null {
  if (person.staffRole === null) return new Refusal('NOT_ALLOWED')
  const own = person.id === rotation.requesterId || person.id === rotation.filedById
  if (own || person.organisationIds.includes(rotation.organisationId)) return new Refusal('OWN_ROTATION')
  const onBehalf = rotation.filedById !== rotation.requesterId
  if (person.staffRole === 'agent' || onBehalf) return null
  const detail = 'An agent has to decide this; administrators only decide what was filed on behalf.'
  return new Refusal('NOT_ALLOWED', { detail })
}

export function mayDecide(person: Decider, rotation: Sides): boolean {
  return barFromDeciding(person, rotation) === null
}

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

/** How many approvals a rotation needs, decided when it is filed: two where a mistake or a thief would do most harm. */
export function approvalsNeeded(facts: ApprovalFacts, now: Date): 1 | 2 {
  const ownerChangedLately =
    facts.ownerChangedAt !== null && now.getTime() - facts.ownerChangedAt.getTime() < OWNER_CHANGE_SECONDS * 1000
  const cutsOffAtOnce = facts.overlapSeconds === 0 && facts.reason !== 'compromised'
  return facts.filedOnBehalf || ownerChangedLately || cutsOffAtOnce || facts.itemCount > MANY_ITEMS ? 2 : 1
}

/** Nobody decides a rotation that they filed, or one of an organisation they belong to; admins too may decide one filed on behalf. */
export function mayDecide(
  person: { id: string; staffRole: 'agent' | 'admin' | null; organisationIds: readonly string[] },
  rotation: { requesterId: string; filedById: string; organisationId: string },
): boolean {
  if (person.staffRole === null) return false
  const onBehalf = rotation.filedById !== rotation.requesterId
  if (person.staffRole === 'admin' && !onBehalf) return false
  const own = person.id === rotation.requesterId || person.id === rotation.filedById
  return !own && !person.organisationIds.includes(rotation.organisationId)
}

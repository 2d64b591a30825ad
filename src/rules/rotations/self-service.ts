import { MANY_ITEMS, ownerChangedLately } from './approvals.ts'

/**
 * How the owner who files stands behind it: with a step-up of this very moment, with the making of an unattended token that may roll keys,
 * or, with any other unattended token, not at all.
 */
export type Standing = 'step_up' | 'token' | 'none'

export type SelfServiceFacts = {
  /** Whether every service that it is about has self-service. */
  selfService: boolean
  standing: Standing
  itemCount: number
  filedOnBehalf: boolean
  /** When the password, code device or email of an owner last changed; a first set-up is no change. */
  ownerChangedAt: Date | null
}

/** Why the policy of a self-service approves nothing here, so that agents decide as ever. */
export type PolicyBar = 'no_self_service' | 'on_behalf' | 'unattended' | 'owner_changed' | 'many_items'

/**
 * What keeps the policy of a self-service from approving a filing, or null when it does. The owner's step-up is the approval, so it has to
 * be the owner's beyond doubt: not just after a change of an account that a thief may have made. An overlap of zero is no bar, since
 * "now" is among what a self-service offers, nor is a leak, which can't wait.
 */
export function barFromPolicy(facts: SelfServiceFacts, now: Date): PolicyBar | null {
  if (!facts.selfService) return 'no_self_service'
  if (facts.filedOnBehalf) return 'on_behalf'
  if (facts.standing === 'none') return 'unattended'
  if (ownerChangedLately(facts.ownerChangedAt, now)) return 'owner_changed'
  return facts.itemCount > MANY_ITEMS ? 'many_items' : null
}

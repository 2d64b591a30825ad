import type { Reason } from './approvals.ts'

/** Reasons behind which nobody suspects a thief: more time for an old key does no harm then. */
const ROUTINE_REASONS: readonly Reason[] = ['scheduled', 'staff_change', 'other']

/**
 * How many agents have to approve more time for old keys: none the first time for a routine reason and within the longest overlap that
 * it was filed under, else one.
 */
export function extensionApprovals(reason: Reason, extendedBefore: boolean, withinPolicy: boolean): 0 | 1 {
  return ROUTINE_REASONS.includes(reason) && !extendedBefore && withinPolicy ? 0 : 1
}

/** How many have to approve that old keys come back: two where they leaked, since that hands them back to the thief. */
export function rollbackApprovals(reason: Reason): 0 | 2 {
  return reason === 'compromised' ? 2 : 0
}

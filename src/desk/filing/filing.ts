import type { KeyKind } from '../../rules/keys/key-text.ts'
import type { Reason } from '../../rules/rotations/approvals.ts'
import type { OverlapEnds } from '../../rules/rotations/overlap.ts'

/** What is filed: every enabled key of the kinds in a service, or single keys. */
export type Filing = {
  items: readonly ({ serviceId: string; kinds: readonly KeyKind[] } | { keyId: string })[]
  reason: Reason
  details?: string | undefined
  /** Empty, or in the past: as soon as approved. At most 90 days ahead. */
  notBefore?: Date | null | undefined
  /** Left out: as long as the policy allows, at most 30 days. */
  overlapSeconds?: number | undefined
  /** What ends the overlap before its time, and the seconds that the old keys go on working after it. Left out: nothing does. */
  overlapEnds?: OverlapEnds | undefined
  graceSeconds?: number | undefined
  /** The proposal that it answers, whichever of its keys are filed. */
  proposalId?: string | undefined
  /** The live rotation whose place this one takes, since a key in it was leaked. */
  replaces?: string | undefined
  /** Of the staff alone: the owner who asked for it, and how the staff made sure of who was calling. */
  onBehalfOf?: { personId: string; verifiedBy: string } | undefined
}

/** One whose overlap is settled. */
export type SettledFiling = Filing & { overlapSeconds: number }

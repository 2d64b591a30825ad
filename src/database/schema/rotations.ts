import type { ColumnType, Generated, GeneratedAlways } from 'kysely'
import type { KeyKind } from '../../rules/keys/key-text.ts'
import type { FiledTerms } from '../../rules/policy.ts'
import type { Reason } from '../../rules/rotations/approvals.ts'
import type { OverlapEnds } from '../../rules/rotations/overlap.ts'
import type { ItemStatus, RotationStatus } from '../../rules/rotations/rotation-lifecycle.ts'
import type { BigInteger, Optional } from './columns.ts'

/** Rotations, their items and histories, what is said and decided about them, and the audit chains. */
export type RotationTables = {
  auditHead: { chain: string; sequence: BigInteger; hash: Buffer }
  auditEntry: {
    chain: string
    sequence: BigInteger
    body: string
    previousHash: Buffer
    hash: Buffer
    at: Date
    action: ColumnType<string, never, never>
    actor: ColumnType<string, never, never>
    rotation: ColumnType<string | null, never, never>
  }
  legalRotationMove: { move: string; fromStatus: string; toStatus: string }
  legalItemMove: { move: string; fromStatus: string; toStatus: string }
  rotationHistory: {
    rotationRef: string
    sequence: number
    move: string
    fromStatus: RotationStatus | 'new'
    toStatus: RotationStatus
    at: Date
    auditChain: string
    auditSequence: BigInteger
  }
  itemHistory: {
    itemId: string
    sequence: number
    move: string
    fromStatus: ItemStatus | 'new'
    toStatus: ItemStatus
    at: Date
    auditChain: string
    auditSequence: BigInteger
  }
  rotation: {
    ref: string
    organisationId: string
    requesterId: string
    /** Null where the desk itself filed it, for the cause in `trigger`. */
    filedById: Optional<string>
    trigger: Optional<'age' | 'leak'>
    evidenceUrl: Optional<string>
    overlapEnds: Generated<OverlapEnds>
    graceSeconds: Generated<number>
    byPolicy: Generated<boolean>
    byTokenId: Optional<string>
    status: RotationStatus
    historySequence: number
    revision: Generated<number>
    reason: Reason
    details: Generated<string>
    notBefore: Optional<Date>
    overlapSeconds: number
    /** Of the policies as they were when it was filed. */
    terms: ColumnType<FiledTerms, string | undefined, never>
    approvalsNeeded: number
    assigneeId: Optional<string>
    createdAt: Date
    decidedAt: Optional<Date>
    decisionReason: Optional<string>
    completedAt: Optional<Date>
    nextDeadline: Optional<Date>
    clockLeftSeconds: Optional<number>
    verifiedBy: Optional<string>
    replacesRef: Optional<string>
    problem: Optional<string>
    firstResponseAt: Optional<Date>
  }
  item: {
    id: string
    rotationRef: string
    organisationId: string
    position: number
    serviceId: string
    keyId: string
    kind: KeyKind
    status: ItemStatus
    historySequence: number
    oldVersionId: Optional<string>
    newVersionId: Optional<string>
    generatedAt: Optional<Date>
    overlapEndsAt: Optional<Date>
    problem: Optional<string>
    attempts: Generated<number>
    cooldownSeconds: Generated<number>
    dueAt: Optional<Date>
  }
  task: {
    id: string
    itemId: string
    dependantId: string
    createdAt: Date
    doneAt: Optional<Date>
    doneBy: Optional<string>
  }
  approval: { rotationRef: string; revision: number; agentId: string; at: Date; note: Generated<string> }
  followUp: {
    id: string
    rotationRef: string
    organisationId: string
    type: 'early_revocation' | 'extension' | 'rollback'
    status: 'requested' | 'done' | 'rejected' | 'lapsed'
    itemIds: string[]
    at: Optional<Date>
    requestedBy: string
    requestedAt: Date
    decidedAt: Optional<Date>
    approvalsNeeded: Generated<number>
    decisionReason: Optional<string>
  }
  followUpApproval: { followUpId: string; agentId: string; at: Date }
  message: {
    id: string
    rotationRef: string
    organisationId: string
    authorId: string
    kind: 'message' | 'note' | 'question' | 'answer'
    fromStaff: boolean
    body: string
    at: Date
  }
  cannedAnswer: { id: string; name: string; body: string; createdAt: Date }
  reminder: {
    rotationRef: string
    kind: 'decide' | 'answer' | 'old_key_stops' | 'not_picked_up' | 'clock_started'
    of: Date
    dueAt: Date
  }
  savedView: { personId: string; name: string; query: string }
  reportRow: {
    /** In UTC, `2026-11`. */
    month: string
    /** Empty: all organisations together. */
    organisationId: string
    filed: number
    failed: number
    rolledBack: number
    extended: number
    firstResponseMedianSeconds: number | null
    firstResponseP90Seconds: number | null
    decisionMedianSeconds: number | null
    decisionP90Seconds: number | null
    keysMedianSeconds: number | null
    keysP90Seconds: number | null
    computedAt: Date
  }
  reportChange: { id: GeneratedAlways<string>; month: string; at: Date }
  reportMonth: { month: string; computedAt: Optional<Date> }
}

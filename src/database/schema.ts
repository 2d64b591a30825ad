import type { ColumnType, Generated, Selectable } from 'kysely'
import type { Environment, KeyKind } from '../rules/keys/key-text.ts'
import type { Permission } from '../rules/keys/verdict.ts'
import type { MemberRole, Role, StaffRole } from '../rules/permissions.ts'
import type { Reason } from '../rules/rotations/approvals.ts'
import type { ItemStatus, RotationStatus } from '../rules/rotations/rotation-lifecycle.ts'

/** int8 arrives as a string from pg. */
type BigInteger = ColumnType<string, number | string, number | string>
type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>

export type Database = {
  organisation: { id: string; name: string; createdAt: Date }
  person: {
    id: string
    email: string
    name: string
    staffRole: Optional<StaffRole>
    passwordHash: Optional<string>
    passwordChangedAt: Optional<Date>
    emailChangedAt: Optional<Date>
    codeSeed: Optional<Buffer>
    codeSeedKeyId: Optional<string>
    codeChangedAt: Optional<Date>
    codeLastStep: ColumnType<string | null, number | null | undefined, number | null>
    wrongCodesSince: Optional<Date>
    wrongCodes: Generated<number>
    consecutiveWrongCodes: Generated<number>
    lockedAt: Optional<Date>
    timeZone: Generated<string>
    disabledAt: Optional<Date>
    createdAt: Date
  }
  membership: {
    personId: string
    organisationId: string
    role: MemberRole
    mayReveal: Generated<boolean>
    createdAt: Date
  }
  invitation: {
    id: string
    tokenHash: Buffer
    personId: string
    inviteeName: string
    organisationId: string | null
    role: Role
    createdAt: Date
    expiresAt: Date
    codeSeed: Optional<Buffer>
    codeSeedKeyId: Optional<string>
    acceptedAt: Optional<Date>
  }
  session: {
    tokenHash: Buffer
    id: string
    personId: string
    organisationId: string | null
    complete: boolean
    formToken: string
    createdAt: Date
    lastSeenAt: Date
    endsAt: Date
    codeAt: Optional<Date>
    userAgent: Generated<string>
    network: Generated<string>
  }
  personalToken: {
    id: string
    tokenHash: Buffer
    last4: string
    personId: string
    organisationId: string | null
    name: string
    scopes: Generated<string[]>
    createdAt: Date
    expiresAt: Date
    revokedAt: Optional<Date>
    lastUsedAt: Optional<Date>
  }
  stepUp: {
    tokenHash: Buffer
    personId: string
    bearerId: string
    createdAt: Date
    expiresAt: Date
    callsLeft: number
  }
  setUpCode: { codeHash: Buffer; createdAt: Date }
  idempotentCall: {
    bearerId: string
    idempotencyKey: string
    requestHash: Buffer
    status: Optional<number>
    body: Optional<string>
    createdAt: Date
  }
  policy: { only: Generated<boolean>; filingsPerHour: Generated<number> }
  service: {
    id: string
    organisationId: string
    name: string
    environment: Environment
    selfService: Generated<boolean>
    createdAt: Date
    deletedAt: Optional<Date>
  }
  key: {
    id: string
    serviceId: string
    organisationId: string
    kind: KeyKind
    name: string
    description: Generated<string>
    permission: Permission
    ipRanges: Generated<string[]>
    datasets: Generated<string[]>
    enabled: Generated<boolean>
    createdAt: Date
    deletedAt: Optional<Date>
  }
  version: {
    id: string
    keyId: string
    organisationId: string
    hash: Buffer
    last4: string
    createdAt: Date
    activeFrom: Date
    acceptedUntil: Optional<Date>
    ownEnd: Optional<Date>
    revokedAt: Optional<Date>
    revokeFrom: Optional<Date>
    rolledBackAt: Optional<Date>
    sealed: Optional<Buffer>
    sealedKeyId: Optional<string>
    revealedAt: Optional<Date>
    revealedBy: Optional<string>
  }
  versionUse: { versionId: string; firstUsedAt: Date; lastUsedAt: Date; lastNetwork: string | null }
  gateway: {
    id: string
    name: string
    tokenHash: Buffer
    last4: string
    allServices: boolean
    createdAt: Date
    revokedAt: Optional<Date>
  }
  gatewayService: { gatewayId: string; serviceId: string }
  auditHead: { chain: string; sequence: BigInteger; hash: Buffer }
  auditEntry: {
    chain: string
    sequence: BigInteger
    body: string
    previousHash: Buffer
    hash: Buffer
    at: Date
    action: ColumnType<string, never, never>
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
    filedById: string
    status: RotationStatus
    historySequence: number
    revision: Generated<number>
    reason: Reason
    details: Generated<string>
    notBefore: Optional<Date>
    overlapSeconds: number
    approvalsNeeded: number
    assigneeId: Optional<string>
    createdAt: Date
    decidedAt: Optional<Date>
    decisionReason: Optional<string>
    completedAt: Optional<Date>
    nextDeadline: Optional<Date>
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
    dueAt: Optional<Date>
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
  }
  letter: {
    id: string
    naturalKey: string
    kind: string
    toAddress: string
    toName: string
    facts: ColumnType<LetterFacts, string, string>
    messageId: string
    thread: string | null
    createdAt: Date
    nextAttemptAt: Optional<Date>
    attempts: Generated<number>
    sentAt: Optional<Date>
    gaveUpAt: Optional<Date>
    lastError: Optional<string>
  }
}

/** What a letter's template shows: texts, times as RFC 3339 strings, and lists of such records. */
export type LetterFacts = { [name: string]: string | number | boolean | null | LetterFacts[] }

export type RotationRow = Selectable<Database['rotation']>
export type ItemRow = Selectable<Database['item']>
export type VersionRow = Selectable<Database['version']>

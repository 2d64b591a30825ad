import type { ColumnType, Generated } from 'kysely'
import type { MemberRole, Role, StaffRole } from '../../rules/permissions.ts'
import type { Optional } from './columns.ts'

/** Organisations, people, and what proves who somebody is. */
export type PeopleTables = {
  /** `agesDueAt: Generated<Date>; reviewDueAt`: when its owners are reminded that nobody reviewed what its keys may do. */
  organisation: { id: string; name: string; createdAt: Date; reviewDueAt: Generated<Date>; agesDueAt: Generated<Date> }
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
    mutedTopics: Generated<string[]>
    digestDueAt: Generated<Date>
    shortcuts: Generated<boolean>
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
    recoveryCaseId: Optional<string>
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
    recovered: Generated<boolean>
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
    unattended: Generated<boolean>
    ipRanges: Generated<string[]>
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
  recoveryCode: { personId: string; codeHash: Buffer; createdAt: Date; usedAt: Optional<Date> }
  passwordReset: { tokenHash: Buffer; personId: string; createdAt: Date; expiresAt: Date; usedAt: Optional<Date> }
  emailChange: {
    tokenHash: Buffer
    personId: string
    email: string
    createdAt: Date
    expiresAt: Date
    usedAt: Optional<Date>
  }
  codeEnrolment: { personId: string; sessionId: string; codeSeed: Buffer; codeSeedKeyId: string; createdAt: Date }
  recoveryCase: {
    id: string
    organisationId: Optional<string>
    personId: Optional<string>
    kind: 'no_owner' | 'lost_access'
    name: string
    email: string
    status: 'requested' | 'opened' | 'confirmed' | 'done' | 'refused'
    createdAt: Date
    openedBy: Optional<string>
    verifiedBy: Optional<string>
    openedAt: Optional<Date>
    confirmedBy: Optional<string>
    confirmedAt: Optional<Date>
    notBefore: Optional<Date>
    closedAt: Optional<Date>
    closedBy: Optional<string>
    reason: Optional<string>
    checks: Generated<string[]>
  }
  emergencyStop: { recoveryCaseId: string; keyId: string; at: Date; by: string; reason: string }
  spentChallenge: { hash: Buffer; expiresAt: Date }
  accessRequest: {
    id: string
    email: string
    organisation: string
    createdAt: Date
    personId: Optional<string>
    organisationId: Optional<string>
    tokenHash: Optional<Buffer>
    expiresAt: Optional<Date>
    usedAt: Optional<Date>
  }
}

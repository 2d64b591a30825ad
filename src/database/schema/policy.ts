import type { ColumnType, Generated } from 'kysely'
import type { LeakResponse, OverlapByReason } from '../../rules/policy.ts'
import type { ProposalCause } from '../../rules/proposals.ts'
import type { Optional } from './columns.ts'

/** What an admin has set for the desk, of which there is one row, and for single services, where null means as the desk has it. */
export type PolicyTables = {
  policy: {
    only: Generated<boolean>
    filingsPerHour: Generated<number>
    longestOverlapSeconds: Generated<number>
    overlapByReason: ColumnType<OverlapByReason, string | undefined, string>
    approvalsNeeded: Generated<number>
    selfService: Generated<boolean>
    cooldownSeconds: Generated<number>
    remindAgeDays: Optional<number>
    fileAgeDays: Optional<number>
    keysPerService: Generated<number>
    keysPerPerson: Generated<number>
    resetsPerHour: Generated<number>
    filingRanges: Generated<string[]>
    leakResponse: Generated<LeakResponse>
    /** Raised by each change, so that nobody overwrites what they haven't seen. */
    revision: Generated<number>
  }
  servicePolicy: {
    serviceId: string
    longestOverlapSeconds: Optional<number>
    overlapByReason: ColumnType<OverlapByReason | null, string | null | undefined, string | null>
    approvalsNeeded: Optional<number>
    selfService: Optional<boolean>
    cooldownSeconds: Optional<number>
    /** 0: off, whatever the desk has. */
    remindAgeDays: Optional<number>
    /** 0: off, whatever the desk has. */
    fileAgeDays: Optional<number>
    keysPerService: Optional<number>
    filingRanges: Optional<string[]>
    leakResponse: Optional<LeakResponse>
    revision: Generated<number>
  }
  versionAge: { versionId: string; remindedAt: Optional<Date>; filedAt: Optional<Date> }
  proposal: {
    id: string
    organisationId: string
    /** Who may have seen the keys. */
    personId: string
    cause: ProposalCause
    keyIds: string[]
    at: Date
    endedAt: Optional<Date>
    dismissedBy: Optional<string>
    rotationRef: Optional<string>
  }
}

import type { ColumnType, Generated } from 'kysely'
import type { LeakResponse, OverlapByReason } from '../../rules/policy.ts'
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
  }
}

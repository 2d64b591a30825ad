import type { ColumnType, Generated } from 'kysely'
import type { Permission } from '../../rules/keys/verdict.ts'
import type { LeakResponse } from '../../rules/policy.ts'
import type { StoredFinding } from '../watch/reviews.ts'
import type { Optional } from './columns.ts'

/** What is noticed of the use of keys: networks, permissions, refusals, what is suspicious about them, reviews, and leaks. */
export type WatchTables = {
  versionNetwork: {
    versionId: string
    network: string
    firstUsedAt: Date
    lastUsedAt: Date
    /** Empty until the worker has weighed whether it is suspicious. */
    lookedAt: Optional<Date>
  }
  permissionUse: { keyId: string; permission: Permission; lastUsedAt: Date }
  /** `minute` is the full one in which they came; of `count` the worker has weighed `lookedCount`. */
  refusedUse: {
    versionId: string
    code: string
    network: string
    minute: Date
    count: number
    lookedCount: Generated<number>
  }
  suspicion: {
    id: string
    organisationId: string
    keyId: string
    versionId: string
    kind: 'new_network' | 'refusals' | 'retired_use'
    network: string
    count: number
    at: Date
    lastAt: Date
    naturalKey: string
    mailed: Generated<boolean>
    dismissedAt: Optional<Date>
    dismissedBy: Optional<string>
  }
  permissionReview: {
    id: string
    organisationId: string
    by: string
    at: Date
    findings: ColumnType<StoredFinding[], string, never>
  }
  leakReport: {
    id: string
    versionId: string
    organisationId: string
    source: string
    url: string
    receivedAt: Date
    response: LeakResponse
    rotationRef: Optional<string>
  }
}

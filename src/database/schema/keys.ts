import type { ColumnType, Generated } from 'kysely'
import type { DependantType } from '../../rules/keys/dependants.ts'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import type { Permission } from '../../rules/keys/verdict.ts'
import type { Optional } from './columns.ts'
import type { PolicyTables } from './policy.ts'

/** Services, keys, versions, and the gateways that ask about them. */
export type KeyTables = PolicyTables & {
  service: {
    id: string
    organisationId: string
    name: string
    environment: Environment
    createdAt: Date
    deletedAt: Optional<Date>
    ageRecipient: Optional<string>
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
    createdBy: Optional<string>
    deletedAt: Optional<Date>
    /** The worker does not weigh its use before this, since it failed. */
    weighAfter: Optional<Date>
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
    clockStarts: Optional<'on_first_use' | 'on_pickup'>
    clockSeconds: Optional<number>
    ageFile: Optional<Buffer>
    ageRecipient: Optional<string>
    fetchedAt: Optional<Date>
    acknowledgedAt: Optional<Date>
    acknowledgedBy: Optional<string>
    imported: Generated<boolean>
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
  dataset: { id: string; serviceId: string; organisationId: string; name: string; createdAt: Date }
  dependant: {
    id: string
    keyId: string
    organisationId: string
    type: DependantType
    name: string
    exactKey: boolean
    createdAt: Date
    createdBy: string
    removedAt: Optional<Date>
  }
  reissue: { fromVersionId: string; toVersionId: string; itemId: string | null; at: Date; by: string }
  import: {
    id: string
    name: string
    by: string | null
    startedAt: Date
    finishedAt: Optional<Date>
    lines: Generated<number>
    added: Generated<number>
    known: Generated<number>
    refused: Generated<number>
    dryRun: boolean
    errors: ColumnType<{ line: number; problem: string }[], string | undefined, string>
    /** All of its file is here. */
    receivedAt: Optional<Date>
    /** The header of a CSV file; null for NDJSON. */
    columns: Optional<string[]>
    /** The worker does not go on with it before this, since it failed. */
    goOnAfter: Optional<Date>
  }
  /** `line`: the number of its first line in the file. */
  importChunk: { importId: string; line: number; content: string }
  importHash: { importId: string; hash: Buffer }
}

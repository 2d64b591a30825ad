import type { Generated } from 'kysely'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import type { Permission } from '../../rules/keys/verdict.ts'
import type { Optional } from './columns.ts'

/** Services, keys, versions, and the gateways that ask about them. */
export type KeyTables = {
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
}

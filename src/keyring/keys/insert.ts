import type { Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { findPolicies } from '../../database/policy.ts'
import type { KeyFields } from '../../rules/keys/key-fields.ts'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import { Refusal } from '../../rules/refusals.ts'
import { activeFrom } from '../../rules/rotations/overlap.ts'
import { type KeyMaker, makeVersion } from '../make-version.ts'
import { registerDatasets } from './datasets.ts'

export type KeyPlace = { id: string; organisationId: string; name: string; environment: Environment }
export type KeyToMake = KeyFields & {
  kind: KeyKind
  /** When it ends by itself; null: never. */
  expiresAt: Date | null
  /** Null where staff made it for somebody. */
  createdBy: string | null
}

/** When a key that is made now begins to work: after the cooldown of its service, so that none gets round that by making another key. */
async function beginningOf(trx: Trx, serviceId: string, expiresAt: Date | null, at: Date): Promise<Date> {
  const policies = await findPolicies(trx, [serviceId])
  const begins = activeFrom(at, policies.get(serviceId)?.cooldownSeconds ?? 0)
  if (expiresAt === null || begins < expiresAt) return begins
  const detail =
    'A new key of this service works only after a cooldown, and this one would have expired by then. Choose a later expiry.'
  throw new Refusal('COOLDOWN_TOO_LONG', { detail })
}

/** Writes a key with its first version, whose secret waits to be picked up. Refuses COOLDOWN_TOO_LONG. Call it with the service locked, or made in the same transaction. */
export async function insertKey(
  trx: Trx,
  maker: KeyMaker,
  service: KeyPlace,
  { expiresAt, ...key }: KeyToMake,
  at: Date,
): Promise<{ id: string; versionId: string }> {
  const id = newId('key')
  const { organisationId, environment } = service
  const lists = { ipRanges: [...key.ipRanges], datasets: [...key.datasets] }
  await trx
    .insertInto('key')
    .values({ ...key, ...lists, id, serviceId: service.id, organisationId, createdAt: at })
    .execute()
  await registerDatasets(trx, service, key.datasets, at)
  const begins = await beginningOf(trx, service.id, expiresAt, at)
  const owner = { id, organisationId, kind: key.kind, environment }
  const version = await makeVersion(trx, maker, owner, at, expiresAt, { activeFrom: begins })
  return { id, versionId: version.id }
}

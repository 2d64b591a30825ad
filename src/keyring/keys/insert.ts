import type { Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import type { KeyFields } from '../../rules/keys/key-fields.ts'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
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

/** Writes a key with its first version, whose secret waits to be picked up. Call it with the service locked, or made in the same transaction. */
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
  const version = await makeVersion(trx, maker, { id, organisationId, kind: key.kind, environment }, at, expiresAt)
  return { id, versionId: version.id }
}

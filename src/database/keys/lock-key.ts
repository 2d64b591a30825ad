import { Refusal } from '../../rules/refusals.ts'
import type { Trx } from '../connect.ts'
import { type KeyInService, lockKeys } from '../rotations/locks.ts'

/** Locks one key of the organisation, with what matters of its service. Refuses NOT_FOUND, also when either is gone. */
export async function lockKey(trx: Trx, organisationId: string | null, keyId: string): Promise<KeyInService> {
  const found = await trx
    .selectFrom('key')
    .select('id')
    .where('id', '=', keyId)
    .where('organisationId', '=', organisationId)
    .executeTakeFirst()
  const [key] = found === undefined ? [] : await lockKeys(trx, [found.id])
  if (key === undefined || key.deletedAt !== null || key.serviceDeletedAt !== null) throw new Refusal('NOT_FOUND')
  return key
}

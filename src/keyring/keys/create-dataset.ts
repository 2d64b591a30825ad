import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { isUniqueViolation } from '../../database/violations.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { checkedName } from '../../rules/text/names.ts'
import type { KeyMaker } from '../make-version.ts'
import { addKey, lockRoomForKey } from './create.ts'

/**
 * Makes a dataset in a service, and with it a key of its own: an Auth key that may read and write it and carries its name. Everybody who may
 * view the key is told. Refuses NOT_FOUND, INVALID_REQUEST, NAME_TAKEN and TOO_MANY_KEYS; then neither is made.
 */
export async function createDataset(
  db: Db,
  maker: KeyMaker,
  actor: PersonActor,
  input: { serviceId: string; name: string },
): Promise<{ id: string; keyId: string }> {
  requireRole(actor, 'keys.manage')
  const name = checkedName(input.name)
  const id = newId('dataset')
  return db.transaction().execute(async (trx) => {
    const service = await lockRoomForKey(trx, actor, input.serviceId)
    const at = await clock(trx)
    const { organisationId } = service
    await trx
      .insertInto('dataset')
      .values({ id, serviceId: service.id, organisationId, name, createdAt: at })
      .execute()
      .catch((error: unknown) => {
        throw isUniqueViolation(error, 'dataset_service_id_name_key') ? new Refusal('NAME_TAKEN') : error
      })
    const facts = { dataset: id, service: service.id, name }
    await recordAudit(trx, organisationId, at, { action: 'dataset.create', actor, facts })
    const fields = { name, description: '', permission: 'read_write', ipRanges: [], datasets: [name] } as const
    const key = { ...fields, kind: 'auth', expiresAt: null, createdBy: actor.personId } as const
    const made = await addKey(trx, maker, { actor, at, service, key }, 'dataset_created')
    return { id, keyId: made.id }
  })
}

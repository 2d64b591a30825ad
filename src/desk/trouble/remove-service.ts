import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockKeys, lockVersions } from '../../database/rotations/locks.ts'
import { tellMembers } from '../../outbox/notices.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { endKeys, findLiveRefs, type Going, letGo, lockTouched } from './let-go.ts'

const REASON = 'The service was removed.'

type Removal = { serviceId: string; confirmName: string }

/** The service, if it is there and the actor's. Refuses NOT_FOUND, and INVALID_REQUEST when it isn't named right. */
async function findConfirmed(trx: Trx, actor: PersonActor, { serviceId, confirmName }: Removal) {
  const service = await trx
    .selectFrom('service')
    .select(['id', 'name', 'organisationId'])
    .where('id', '=', serviceId)
    .where('organisationId', '=', actor.organisationId)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  if (service === undefined) throw new Refusal('NOT_FOUND')
  if (confirmName.trim().normalize('NFC') === service.name) return service
  const errors = [{ pointer: '/confirmName', message: 'Type the name of the service exactly as it is.' }]
  throw new Refusal('INVALID_REQUEST', { errors })
}

async function findKeyIds(trx: Trx, serviceId: string): Promise<string[]> {
  const found = await trx.selectFrom('key').select('id').where('serviceId', '=', serviceId).orderBy('id').execute()
  return found.map(({ id }) => id)
}

/** Its keys, then the service itself: whoever shares it for a filing or an execution holds one of its keys. Null when a key was added meanwhile. */
async function lockService(trx: Trx, serviceId: string): Promise<string[] | null> {
  const keyIds = await findKeyIds(trx, serviceId)
  await lockKeys(trx, keyIds)
  await trx.selectFrom('service').select('id').where('id', '=', serviceId).forNoKeyUpdate().execute()
  if ((await findKeyIds(trx, serviceId)).length > keyIds.length) return null
  await lockVersions(trx, keyIds)
  return keyIds
}

/** One try: null when a rotation was filed or a key added between the first look and the locks, so that it isn't among those locked; nothing is written then. */
async function tryRemoval(trx: Trx, actor: PersonActor, removal: Removal): Promise<{ refs: string[] } | null> {
  const { serviceId } = removal
  const going: Going = { column: 'serviceId', id: serviceId }
  await findConfirmed(trx, actor, removal)
  const refs = await findLiveRefs(trx, going)
  const touched = await lockTouched(trx, refs, actor.organisationId)
  const keyIds = await lockService(trx, serviceId)
  const service = await findConfirmed(trx, actor, removal)
  const now = await findLiveRefs(trx, going)
  if (keyIds === null || now.some((ref) => !refs.includes(ref))) return null
  const at = await clock(trx)
  await trx.updateTable('service').set({ deletedAt: at }).where('id', '=', serviceId).execute()
  await endKeys(trx, keyIds, at)
  const facts = { service: serviceId, name: service.name, keys: keyIds, rotations: now }
  await recordAudit(trx, service.organisationId, at, { action: 'service.remove', actor, facts })
  for (const each of touched) await letGo(trx, each, going, REASON, { actor, at })
  const told = { key: serviceId, who: actor.name, about: service.name, path: '/services', at }
  await tellMembers(trx, service.organisationId, { notice: 'service_removed', ...told })
  return { refs: now }
}

/**
 * Removes a service for good: no verify sent after this answered accepts any of its keys. What rotations still had to do with them ends:
 * items that wait are skipped, those in overlap are revoked, failed ones cancelled; a rotation left with nothing to do is closed with the
 * reason. Answers the rotations it touched. Refuses NOT_ALLOWED, NOT_FOUND, and INVALID_REQUEST when `confirmName` isn't its name.
 */
export async function removeService(db: Db, actor: PersonActor, removal: Removal): Promise<{ refs: string[] }> {
  requireRole(actor, 'services.remove')
  for (;;) {
    // Each further try needs a filing or a new key that came in between, and both are limited.
    const done = await db.transaction().execute((trx) => tryRemoval(trx, actor, removal))
    if (done !== null) return done
  }
}

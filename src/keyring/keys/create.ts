import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { checkedFields, fieldLines, type KeyFields, refuseExpired } from '../../rules/keys/key-fields.ts'
import type { KeyKind } from '../../rules/keys/key-text.ts'
import type { Permission } from '../../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import type { KeyMaker } from '../make-version.ts'
import { holdMaker, refuseBusyMaker, refuseFullService } from './caps.ts'
import { insertKey, type KeyPlace, type KeyToMake } from './insert.ts'
import { mailAboutKey, sendKeyEvent } from './told.ts'

export type NewKey = {
  kind: KeyKind
  name: string
  description?: string | undefined
  permission: Permission
  ipRanges?: readonly string[] | undefined
  datasets?: readonly string[] | undefined
  /** When it ends by itself; never, left out. */
  expiresAt?: Date | undefined
}

/** The service of the organisation, held against its removal and against others who add keys to it. Refuses NOT_FOUND. */
async function lockPlace(trx: Trx, actor: PersonActor, serviceId: string): Promise<KeyPlace> {
  const service = await trx
    .selectFrom('service')
    .select(['id', 'organisationId', 'name', 'environment', 'deletedAt'])
    .where('id', '=', serviceId)
    .where('organisationId', '=', actor.organisationId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (service === undefined || service.deletedAt !== null) throw new Refusal('NOT_FOUND')
  return service
}

/** Takes the locks for one more key of this person's in a service, in their order, and sees that there is room. */
export async function lockRoomForKey(trx: Trx, actor: PersonActor, serviceId: string): Promise<KeyPlace> {
  await holdMaker(trx, actor.personId)
  const service = await lockPlace(trx, actor, serviceId)
  await refuseFullService(trx, serviceId)
  await refuseBusyMaker(trx, actor.personId, 1)
  return service
}

function keyToMake(actor: PersonActor, input: NewKey): KeyToMake {
  const { kind, name, description = '', permission, ipRanges = [], datasets = [], expiresAt = null } = input
  const given: KeyFields = { name, description, permission, ipRanges, datasets }
  return { ...given, ...checkedFields(given), kind, expiresAt, createdBy: actor.personId }
}

/** Writes the key, and puts it on record and in everybody's mail; `more` is what else was made with it. */
export async function addKey(
  trx: Trx,
  maker: KeyMaker,
  { actor, at, service, key }: { actor: PersonActor; at: Date; service: KeyPlace; key: KeyToMake },
  notice: 'key_created' | 'dataset_created' = 'key_created',
): Promise<{ id: string; versionId: string }> {
  const made = await insertKey(trx, maker, service, key, at)
  const { organisationId } = service
  const facts = {
    key: made.id,
    service: service.id,
    kind: key.kind,
    name: key.name,
    permission: key.permission,
    ipRanges: key.ipRanges,
    datasets: key.datasets,
    expiresAt: key.expiresAt?.toISOString() ?? null,
  }
  const position = await recordAudit(trx, organisationId, at, { action: 'key.create', actor, facts })
  const told = { ...made, ...key, serviceId: service.id, organisationId, serviceName: service.name }
  const about = { ...told, environment: service.environment }
  const details = fieldLines(['permission', 'ipRanges', 'datasets'], key)
  await mailAboutKey(trx, notice, { actor, at, key: about, details }, position)
  await sendKeyEvent(trx, 'key.created', about, at, position, { kind: key.kind, versionId: made.versionId })
  return made
}

/**
 * Makes a key in a service, with a first version that waits for its one reveal. Everybody who may view it is told. Refuses NOT_FOUND,
 * INVALID_REQUEST, COOLDOWN_TOO_LONG (it would expire before it works), and TOO_MANY_KEYS when the policy's number for the service or for this person is reached, however many try at once.
 */
export async function createKey(
  db: Db,
  maker: KeyMaker,
  actor: PersonActor,
  serviceId: string,
  input: NewKey,
): Promise<{ id: string; versionId: string }> {
  requireRole(actor, 'keys.manage')
  const key = keyToMake(actor, input)
  return db.transaction().execute(async (trx) => {
    const service = await lockRoomForKey(trx, actor, serviceId)
    const at = await clock(trx)
    refuseExpired(key.expiresAt, at)
    return addKey(trx, maker, { actor, at, service, key })
  })
}

import { sql } from 'kysely'
import type { Trx } from '../../database/connect.ts'
import { type KeyInService, lockKeys } from '../../database/rotations/locks.ts'
import { Refusal } from '../../rules/refusals.ts'
import { LIVE_ITEM_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import { joinWords } from '../../rules/text/words.ts'
import type { Filing } from './filing.ts'

/** The keys that the filing names, in its order. Refuses NOT_FOUND for what isn't the organisation's. */
async function findFiledKeyIds(trx: Trx, organisationId: string, { items }: Filing): Promise<string[]> {
  const keyIds = items.flatMap((item) => ('keyId' in item ? item.keyId : []))
  const serviceIds = items.flatMap((item) => ('serviceId' in item ? item.serviceId : []))
  const found = await trx
    .selectFrom('key')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .select(['key.id', 'key.kind', 'key.serviceId'])
    .where('key.organisationId', '=', organisationId)
    .where('key.deletedAt', 'is', null)
    .where('service.deletedAt', 'is', null)
    .where(sql<boolean>`(key.id = any (${keyIds}::text[]) or key.service_id = any (${serviceIds}::text[]))`)
    .orderBy('key.kind', 'desc')
    .orderBy('key.id')
    .execute()
  const filed = items.flatMap((item) => {
    const named = found.filter((key) => ('keyId' in item ? key.id === item.keyId : key.serviceId === item.serviceId))
    if (named.length === 0) throw new Refusal('NOT_FOUND', { detail: 'A service or key you named does not exist.' })
    return named.filter((key) => 'keyId' in item || item.kinds.includes(key.kind))
  })
  return [...new Set(filed.map((key) => key.id))]
}

/** More than anybody can decide at once; a service that was imported may have any number. */
const MAX_KEYS = 1_000

/** Locks the keys that the filing names; disabled ones are left out, as the form shows them unticked. Refuses NOT_FOUND and NO_KEYS. */
export async function lockFiledKeys(trx: Trx, organisationId: string, filing: Filing): Promise<KeyInService[]> {
  const ids = await findFiledKeyIds(trx, organisationId, filing)
  const keys = await lockKeys(trx, ids)
  const rotatable = keys.filter((key) => key.enabled && key.deletedAt === null && key.serviceDeletedAt === null)
  if (rotatable.length === 0) throw new Refusal('NO_KEYS')
  if (rotatable.length > MAX_KEYS) {
    const message = `One request is about at most ${MAX_KEYS} keys. Name single ones, or make several.`
    throw new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/items', message }] })
  }
  return rotatable.toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))
}

/** Refuses ROTATION_IN_PROGRESS when one of the keys is in a live rotation beside the one that is replaced. */
export async function refuseLiveKeys(
  trx: Trx,
  keys: readonly KeyInService[],
  replacedRef: string | undefined,
): Promise<void> {
  const live = await trx
    .selectFrom('item')
    .select(['rotationRef', 'keyId'])
    .where(
      'keyId',
      'in',
      keys.map((key) => key.id),
    )
    .where('status', 'in', LIVE_ITEM_STATUSES)
    .where('rotationRef', '!=', replacedRef ?? '')
    .execute()
  if (live.length === 0) return
  const refs = joinWords([...new Set(live.map((item) => item.rotationRef))])
  const names = keys
    .filter((key) => live.some((item) => item.keyId === key.id))
    .map((key) => `${key.name} of ${key.serviceName}`)
  const way = 'Follow that rotation, or leave the key out; if the key was leaked, replace that rotation.'
  throw new Refusal('ROTATION_IN_PROGRESS', { detail: `${joinWords(names)}: already in ${refs}. ${way}` })
}

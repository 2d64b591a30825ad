import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import { Refusal } from '../../rules/refusals.ts'
import type { Trx } from '../connect.ts'
import type { Database, ItemRow, RotationRow, VersionRow } from '../schema.ts'

// The order in which every verb takes its locks: rotation, items, services and keys, versions, and the audit chain's head last.
// None of them keeps others from writing rows that refer to the locked ones, such as a version's uses: those come in an order of their own.

/** Locks a rotation of the organisation, or of any when `organisationId` is null (staff, worker). Refuses NOT_FOUND. */
export async function lockRotation(trx: Trx, ref: string, organisationId: string | null): Promise<RotationRow> {
  let query = trx.selectFrom('rotation').selectAll().where('ref', '=', ref).forNoKeyUpdate()
  if (organisationId !== null) query = query.where('organisationId', '=', organisationId)
  const rotation = await query.executeTakeFirst()
  if (rotation === undefined) throw new Refusal('NOT_FOUND')
  return rotation
}

export async function lockItems(trx: Trx, ref: string): Promise<ItemRow[]> {
  return trx
    .selectFrom('item')
    .selectAll()
    .where('rotationRef', '=', ref)
    .orderBy('position')
    .forNoKeyUpdate()
    .execute()
}

export type KeyInService = Selectable<Database['key']> & {
  environment: 'live' | 'sandbox'
  serviceName: string
  serviceDeletedAt: Date | null
}

/** Locks keys, in the order of their ids, and reads what matters of their services. */
export async function lockKeys(trx: Trx, keyIds: readonly string[]): Promise<KeyInService[]> {
  if (keyIds.length === 0) return []
  return trx
    .selectFrom('key')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .selectAll('key')
    .select(['service.environment', 'service.name as serviceName', 'service.deletedAt as serviceDeletedAt'])
    .where(sql<boolean>`key.id = any (${keyIds}::text[])`)
    .orderBy('key.id')
    .forNoKeyUpdate('key')
    .forShare('service')
    .execute()
}

/** Locks the versions of keys, newest first. */
export async function lockVersions(trx: Trx, keyIds: readonly string[]): Promise<VersionRow[]> {
  if (keyIds.length === 0) return []
  return trx
    .selectFrom('version')
    .selectAll()
    .where(sql<boolean>`key_id = any (${keyIds}::text[])`)
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .forNoKeyUpdate()
    .execute()
}

/**
 * Claims the rotation whose item is due longest, unless another worker has it, and holds it until the commit. A worker that
 * dies lets go of it with its connection.
 */
export async function claimDueRotation(trx: Trx): Promise<RotationRow | undefined> {
  return (
    trx
      .selectFrom('item')
      .innerJoin('rotation', 'rotation.ref', 'item.rotationRef')
      .selectAll('rotation')
      // now() rather than clock_timestamp(), which no index can be searched by
      .where('item.dueAt', '<=', sql<Date>`now()`)
      .where((is) =>
        is.or([
          is('item.status', '=', 'overlap'),
          is.and([is('item.status', '=', 'pending'), is('rotation.status', 'in', ['scheduled', 'executing'])]),
        ]),
      )
      .orderBy('item.dueAt')
      .limit(1)
      .forNoKeyUpdate('rotation')
      .skipLocked()
      .executeTakeFirst()
  )
}

/** Claims, in the same way, the rotation whose time to be decided or answered has been over for longest. */
export async function claimUndecidedRotation(trx: Trx): Promise<RotationRow | undefined> {
  // as the index on it is written, without which all that wait to be decided would be read
  const deadline = sql<Date>`coalesce(next_deadline, 'infinity')`
  return trx
    .selectFrom('rotation')
    .selectAll()
    .where('status', 'in', ['submitted', 'needs_info'])
    .where(deadline, '<=', sql<Date>`now()`)
    .orderBy(deadline)
    .limit(1)
    .forNoKeyUpdate()
    .skipLocked()
    .executeTakeFirst()
}

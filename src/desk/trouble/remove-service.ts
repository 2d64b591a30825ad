import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findOrganisation } from '../../database/people/organisations.ts'
import { findMembers } from '../../database/people/people.ts'
import { lockItems, lockKeys, lockRotation, lockVersions } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../../database/schema.ts'
import { NO_SECRET } from '../../keyring/make-version.ts'
import { putNotices } from '../../outbox/notices.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import {
  ENDED_ITEM_STATUSES,
  type ItemMove,
  type ItemStatus,
  LIVE_ITEM_STATUSES,
} from '../../rules/rotations/rotation-lifecycle.ts'
import { type MoveRecord, moveItem } from '../record.ts'
import { settle } from '../settle.ts'
import { closeRotation } from './close.ts'

const REASON = 'The service was removed.'

/** What becomes of a live item whose service goes. */
const ENDS: Partial<Record<ItemStatus, readonly [ItemMove, ItemStatus]>> = {
  pending: ['skip', 'skipped'],
  overlap: ['revoke_early', 'retired'],
  failed: ['cancel', 'cancelled'],
}

type Removal = { serviceId: string; confirmName: string }

async function findLiveRefs(trx: Trx, serviceId: string): Promise<string[]> {
  const rows = await trx
    .selectFrom('item')
    .select('rotationRef')
    .distinct()
    .where('serviceId', '=', serviceId)
    .where('status', 'in', LIVE_ITEM_STATUSES)
    .orderBy('rotationRef')
    .execute()
  return rows.map(({ rotationRef }) => rotationRef)
}

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

/** Its keys, then the service itself: whoever shares it for a filing or an execution holds one of its keys. */
async function lockService(trx: Trx, serviceId: string): Promise<string[]> {
  const found = await trx.selectFrom('key').select('id').where('serviceId', '=', serviceId).execute()
  const keyIds = found.map(({ id }) => id)
  await lockKeys(trx, keyIds)
  await trx.selectFrom('service').select('id').where('id', '=', serviceId).forNoKeyUpdate().execute()
  await lockVersions(trx, keyIds)
  return keyIds
}

async function endKeys(trx: Trx, serviceId: string, keyIds: readonly string[], at: Date): Promise<void> {
  await trx.updateTable('service').set({ deletedAt: at }).where('id', '=', serviceId).execute()
  if (keyIds.length === 0) return
  const mine = trx.updateTable('key').set({ deletedAt: at }).where('id', 'in', keyIds)
  await mine.where('deletedAt', 'is', null).execute()
  const versions = trx.updateTable('version').where('keyId', 'in', keyIds)
  await versions.set(NO_SECRET).execute()
  await versions
    .set({ revokedAt: at })
    .where('revokedAt', 'is', null)
    .where('rolledBackAt', 'is', null)
    .where((version) => version.or([version('acceptedUntil', 'is', null), version('acceptedUntil', '>', at)]))
    .execute()
}

type Touched = { rotation: RotationRow; items: readonly ItemRow[] }

/** Ends the items of the service, and the rotation with them when nothing else of it is live. */
async function letGo(trx: Trx, { rotation, items }: Touched, serviceId: string, record: MoveRecord): Promise<void> {
  for (const item of items) {
    const end = item.serviceId === serviceId ? ENDS[item.status] : undefined
    if (end === undefined) continue
    const [move, to] = end
    const problem = to === 'retired' ? item.problem : REASON
    await moveItem(trx, item, move, to, { ...record, facts: { problem: REASON } }, { problem })
  }
  const left = await lockItems(trx, rotation.ref)
  if (left.every(({ status }) => ENDED_ITEM_STATUSES.includes(status))) {
    await closeRotation(trx, rotation, REASON, record)
  } else if (rotation.status === 'overlap' || rotation.status === 'executing') {
    await settle(trx, rotation, record.at)
  } else if (rotation.status === 'needs_attention' && !left.some(({ status }) => status === 'pending')) {
    await settle(trx, rotation, record.at)
  }
}

async function tell(trx: Trx, actor: PersonActor, service: { id: string; name: string }, at: Date): Promise<void> {
  const organisationId = actor.organisationId ?? ''
  const organisation = (await findOrganisation(trx, organisationId))?.name ?? ''
  const members = await findMembers(trx, organisationId)
  const readers = members.map((person) => ({ ...person, why: `you may view the keys of ${organisation}` }))
  const facts = { key: service.id, organisation, who: actor.name, about: service.name, path: '/services', at }
  await putNotices(trx, readers, { notice: 'service_removed', ...facts })
}

/** One try: null when a rotation was filed between the first look and the locks, so that it isn't among those locked; nothing is written then. */
async function tryRemoval(trx: Trx, actor: PersonActor, removal: Removal): Promise<{ refs: string[] } | null> {
  const { serviceId } = removal
  await findConfirmed(trx, actor, removal)
  const refs = await findLiveRefs(trx, serviceId)
  const touched: Touched[] = []
  for (const ref of refs) touched.push({ rotation: await lockRotation(trx, ref, actor.organisationId), items: [] })
  for (const each of touched) each.items = await lockItems(trx, each.rotation.ref)
  const keyIds = await lockService(trx, serviceId)
  const service = await findConfirmed(trx, actor, removal)
  const now = await findLiveRefs(trx, serviceId)
  if (now.some((ref) => !refs.includes(ref))) return null
  const at = await clock(trx)
  await endKeys(trx, serviceId, keyIds, at)
  const facts = { service: serviceId, name: service.name, keys: keyIds, rotations: now }
  await recordAudit(trx, service.organisationId, at, { action: 'service.remove', actor, facts })
  for (const each of touched) await letGo(trx, each, serviceId, { actor, at })
  await tell(trx, actor, service, at)
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
    // Each further try needs a filing that came in between, and filings are limited.
    const done = await db.transaction().execute((trx) => tryRemoval(trx, actor, removal))
    if (done !== null) return done
  }
}

import { sql } from 'kysely'
import type { Trx } from '../../database/connect.ts'
import { lockItems, lockRotation } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../../database/schema.ts'
import { NO_SECRET } from '../../keyring/make-version.ts'
import {
  ENDED_ITEM_STATUSES,
  type ItemMove,
  type ItemStatus,
  LIVE_ITEM_STATUSES,
} from '../../rules/rotations/rotation-lifecycle.ts'
import { type MoveRecord, moveItem } from '../record.ts'
import { settle } from '../settle.ts'
import { closeRotation } from './close.ts'

/** What becomes of a live item whose key goes. */
const ENDS: Partial<Record<ItemStatus, readonly [ItemMove, ItemStatus]>> = {
  pending: ['skip', 'skipped'],
  overlap: ['revoke_early', 'retired'],
  failed: ['cancel', 'cancelled'],
}

/** Whose keys go: all of a service, or one. */
export type Going = { column: 'serviceId' | 'keyId'; id: string }
export type Touched = { rotation: RotationRow; items: readonly ItemRow[] }

/** The live rotations that have anything to do with the keys that go, in the order in which they are locked. */
export async function findLiveRefs(trx: Trx, { column, id }: Going): Promise<string[]> {
  const rows = await trx
    .selectFrom('item')
    .select('rotationRef')
    .distinct()
    .where(column, '=', id)
    .where('status', 'in', LIVE_ITEM_STATUSES)
    .orderBy('rotationRef')
    .execute()
  return rows.map(({ rotationRef }) => rotationRef)
}

/** Locks these rotations, then their items. */
export async function lockTouched(
  trx: Trx,
  refs: readonly string[],
  organisationId: string | null,
): Promise<Touched[]> {
  const touched: Touched[] = []
  for (const ref of refs) touched.push({ rotation: await lockRotation(trx, ref, organisationId), items: [] })
  for (const each of touched) each.items = await lockItems(trx, each.rotation.ref)
  return touched
}

/** Ends keys for good, whose rows and versions the caller holds: every version stops at `at`, and no secret is left to be picked up. */
export async function endKeys(trx: Trx, keyIds: readonly string[], at: Date): Promise<void> {
  if (keyIds.length === 0) return
  const mine = trx.updateTable('key').set({ deletedAt: at }).where(sql<boolean>`id = any (${keyIds}::text[])`)
  await mine.where('deletedAt', 'is', null).execute()
  const versions = trx.updateTable('version').where(sql<boolean>`key_id = any (${keyIds}::text[])`)
  await versions.set(NO_SECRET).execute()
  await versions
    .set({ revokedAt: at })
    .where('revokedAt', 'is', null)
    .where('rolledBackAt', 'is', null)
    .where((version) => version.or([version('acceptedUntil', 'is', null), version('acceptedUntil', '>', at)]))
    .execute()
}

/** Ends the items of what goes, and the rotation with them when nothing else of it is live. */
export async function letGo(
  trx: Trx,
  { rotation, items }: Touched,
  going: Going,
  reason: string,
  record: MoveRecord,
): Promise<void> {
  for (const item of items) {
    const end = item[going.column] === going.id ? ENDS[item.status] : undefined
    if (end === undefined) continue
    const [move, to] = end
    const problem = to === 'retired' ? item.problem : reason
    await moveItem(trx, item, move, to, { ...record, facts: { problem: reason } }, { problem })
  }
  const left = await lockItems(trx, rotation.ref)
  if (left.every(({ status }) => ENDED_ITEM_STATUSES.includes(status))) {
    await closeRotation(trx, rotation, reason, record)
  } else if (rotation.status === 'overlap' || rotation.status === 'executing') {
    await settle(trx, rotation, record.at)
  } else if (rotation.status === 'needs_attention' && !left.some(({ status }) => status === 'pending')) {
    await settle(trx, rotation, record.at)
  }
}

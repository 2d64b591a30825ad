import type { Trx } from '../../database/connect.ts'
import type { VersionRow } from '../../database/schema.ts'
import { leakedEnd } from '../../rules/leaks.ts'
import type { LeakResponse } from '../../rules/policy.ts'
import { planEndReminders } from '../mail/plan-end-reminders.ts'
import { settle, updateDeadline } from '../settle.ts'
import { type Live, stopOldVersion } from './give-way.ts'

/** The same where the version is the old one of an overlap, whose item tells that end as well. */
async function endOverlap(trx: Trx, live: Live, version: VersionRow, end: Date, at: Date): Promise<void> {
  const { rotation, item } = live
  if (end <= at) {
    await stopOldVersion(trx, live, [version], at)
    await settle(trx, rotation, at)
    return
  }
  await trx.updateTable('version').set({ acceptedUntil: end }).where('id', '=', version.id).execute()
  const moved = { ...item, overlapEndsAt: end }
  await trx.updateTable('item').set({ overlapEndsAt: end, dueAt: end }).where('id', '=', item.id).execute()
  await updateDeadline(trx, rotation.ref)
  await planEndReminders(trx, rotation.ref, [moved], at)
}

/**
 * Does to a leaked version that is still accepted what the policy says: nothing, an end within 24 hours, or an end now. `live` is the
 * live rotation that goes on, if the key is in one. Its own end stays what it is.
 */
export async function respond(
  trx: Trx,
  version: VersionRow,
  { response, live, at }: { response: LeakResponse; live: Live | null; at: Date },
): Promise<void> {
  const end = leakedEnd(response, version.acceptedUntil, at)
  if (end === null || end.getTime() === version.acceptedUntil?.getTime()) return
  // a revocation that is planned for sooner is final
  if (version.revokeFrom !== null && version.revokeFrom <= end) return
  if (live?.item.status === 'overlap' && live.item.oldVersionId === version.id) {
    await endOverlap(trx, live, version, end, at)
    return
  }
  const change = response === 'disable' ? { revokedAt: at } : { acceptedUntil: end }
  await trx.updateTable('version').set(change).where('id', '=', version.id).execute()
}

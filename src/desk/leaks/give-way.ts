import { recordAudit } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'
import { lockItems } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow, VersionRow } from '../../database/schema.ts'
import { NO_SECRET } from '../../keyring/make-version.ts'
import { isAccepted } from '../../rules/keys/verdict.ts'
import type { LeakResponse } from '../../rules/policy.ts'
import { LIVE_ITEM_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import { putRotationLetters } from '../letters.ts'
import { BY_DESK, moveItem } from '../record.ts'
import { retireItems } from '../retire.ts'
import { settle } from '../settle.ts'
import { closeRotation } from '../trouble/close.ts'

export type Live = { rotation: RotationRow; item: ItemRow }

const LIVE: readonly string[] = LIVE_ITEM_STATUSES
const STARTED: readonly string[] = ['executing', 'overlap', 'needs_attention']

/** Stops the old version of an item in overlap now, for good, and does its bookkeeping. */
export async function stopOldVersion(trx: Trx, { rotation, item }: Live, versions: readonly VersionRow[], at: Date) {
  const old = versions.find((version) => version.id === item.oldVersionId)
  if (old !== undefined && isAccepted(old, at)) {
    await trx.updateTable('version').set({ revokedAt: at }).where('id', '=', old.id).execute()
    // A leak can't wait for a cooldown: the newer one works from now on, so that at no time none does.
    const waiting = trx.updateTable('version').set({ activeFrom: at }).where('id', '=', item.newVersionId)
    await waiting.where('activeFrom', '>', at).execute()
    await trx.updateTable('item').set({ overlapEndsAt: at }).where('id', '=', item.id).execute()
  }
  await retireItems(trx, rotation, [item], at, BY_DESK)
}

type Leaked = { versionId: string; response: LeakResponse }

/**
 * The old version that takes its place back where the new one was found and nobody can go on with that: the policy stops it, or it doesn't
 * work yet. Undefined where the old one was leaked before, has ended, or is to be revoked.
 */
function findUnharmed({ rotation, item }: Live, versions: readonly VersionRow[], leaked: Leaked, at: Date) {
  if (item.newVersionId !== leaked.versionId || rotation.reason === 'compromised') return undefined
  const made = versions.find((version) => version.id === item.newVersionId)
  if (made === undefined || (leaked.response !== 'disable' && made.activeFrom <= at)) return undefined
  const old = versions.find((version) => version.id === item.oldVersionId)
  return old !== undefined && old.revokeFrom === null && isAccepted(old, at) ? old : undefined
}

/** Deletes the leaked new version, and gives the old one back the end that it had by itself. */
async function goBack(trx: Trx, { rotation, item }: Live, old: VersionRow, at: Date): Promise<void> {
  const deleted = { rolledBackAt: at, ...NO_SECRET, clockStarts: null, clockSeconds: null }
  await trx.updateTable('version').set(deleted).where('id', '=', item.newVersionId).execute()
  await trx.updateTable('version').set({ acceptedUntil: old.ownEnd }).where('id', '=', old.id).execute()
  const facts = { items: [item.id] }
  const fact = { action: 'rotation.roll_back', actor: BY_DESK, rotation: rotation.ref, facts }
  await recordAudit(trx, rotation.organisationId, at, fact)
  const record = { actor: BY_DESK, at }
  const items = [await moveItem(trx, item, 'roll_back', 'rolled_back', record, { overlapEndsAt: old.ownEnd })]
  const letter = { who: null, at, distinction: `leak ${item.id}`, items }
  await putRotationLetters(trx, rotation, { ...letter, kind: 'rolled-back', audience: 'members' })
}

async function tellOfStop(trx: Trx, rotation: RotationRow, item: ItemRow, at: Date, note: string): Promise<void> {
  const letter = { who: null, at, note, distinction: `leak ${item.id}`, items: [item] }
  await putRotationLetters(trx, rotation, { ...letter, kind: 'old-key-revoked', audience: 'members' })
}

/**
 * Frees a leaked key from the live rotation it is in, so that another can take its place: what of it wasn't done is cancelled, and in
 * overlap its older version dies now, unless it was the newer one that leaked and can't be gone on with: then that one dies. The rotation is closed when that was all that was left of it; other keys in it go on.
 */
export async function giveWay(
  trx: Trx,
  live: Live,
  versions: readonly VersionRow[],
  { ref, leaked, at }: { ref: string; leaked: Leaked; at: Date },
): Promise<{ closed: boolean }> {
  const { rotation, item } = live
  const unharmed = item.status === 'overlap' ? findUnharmed(live, versions, leaked, at) : undefined
  const record = { actor: BY_DESK, at }
  const reason = `Replaced by ${ref}, since a key was leaked.`
  if (unharmed !== undefined) await goBack(trx, live, unharmed, at)
  else if (item.status === 'overlap') await stopOldVersion(trx, live, versions, at)
  else await moveItem(trx, item, 'cancel', 'cancelled', record)
  const left = (await lockItems(trx, rotation.ref)).some(({ status }) => LIVE.includes(status))
  if (!left) await closeRotation(trx, rotation, reason, { ...record, facts: { replacedBy: ref } })
  else if (STARTED.includes(rotation.status)) await settle(trx, rotation, at)
  if (item.status === 'overlap' && unharmed === undefined) await tellOfStop(trx, rotation, item, at, reason)
  return { closed: !left }
}

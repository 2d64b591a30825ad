import type { Trx } from '../database/connect.ts'
import { findPersonName } from '../database/letters/facts.ts'
import { lockVersions } from '../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../database/schema.ts'
import { isRevoked } from '../rules/keys/verdict.ts'
import type { Actor } from '../rules/permissions.ts'
import { putRotationLetters } from './letters.ts'
import { BY_WORKER, moveItem } from './record.ts'
import { tellFollowUp } from './webhooks/tell.ts'

/** Tells of revocations whose items are retired now, one letter per follow-up, and closes planned ones. The rotation's lock guards its follow-ups. */
async function finishRevocations(
  trx: Trx,
  rotation: RotationRow,
  retired: readonly ItemRow[],
  at: Date,
): Promise<void> {
  const followUps = await trx
    .selectFrom('followUp')
    .selectAll()
    .where('rotationRef', '=', rotation.ref)
    .where('type', '=', 'early_revocation')
    .where('at', '<=', at)
    .execute()
  for (const followUp of followUps) {
    const items = retired.filter((item) => followUp.itemIds.includes(item.id))
    if (items.length === 0) continue
    if (followUp.status === 'requested') {
      const change = { status: 'done', decidedAt: at } as const
      await trx.updateTable('followUp').set(change).where('id', '=', followUp.id).execute()
      await tellFollowUp(trx, { ...followUp, ...change }, at)
    }
    const who = await findPersonName(trx, followUp.requestedBy)
    const letter = { who, at, items, distinction: followUp.id }
    await putRotationLetters(trx, rotation, { ...letter, kind: 'old-key-revoked', audience: 'members' })
  }
}

/**
 * The bookkeeping of old versions that have ended: verify has refused them since their time came, whether or not this ran.
 */
export async function retireItems(
  trx: Trx,
  rotation: RotationRow,
  ended: readonly ItemRow[],
  at: Date,
  actor: Actor = BY_WORKER,
): Promise<void> {
  const versions = await lockVersions(
    trx,
    ended.map((item) => item.keyId),
  )
  const revoked = versions.filter((version) => isRevoked(version, at)).map((version) => version.id)
  if (revoked.length > 0) {
    const planned = trx.updateTable('version').set({ revokedAt: at }).where('id', 'in', revoked)
    await planned.where('revokedAt', 'is', null).execute()
  }
  const retired: ItemRow[] = []
  for (const item of ended) {
    const move = item.oldVersionId !== null && revoked.includes(item.oldVersionId) ? 'revoke_early' : 'retire'
    const moved = await moveItem(trx, item, move, 'retired', { actor, at })
    if (move === 'revoke_early') retired.push(moved)
  }
  await finishRevocations(trx, rotation, retired, at)
}

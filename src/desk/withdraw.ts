import { clock, type Db } from '../database/connect.ts'
import { lockItems, lockRotation } from '../database/rotations/locks.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import { rotationMayMove } from '../rules/rotations/rotation-lifecycle.ts'
import { putRotationLetters } from './letters.ts'
import { moveItem, moveRotation } from './record.ts'

/**
 * Takes a rotation back while nothing of it has started: a withdraw and a start lock the same row, so one of them wins.
 * Refuses NOT_ALLOWED, NOT_FOUND and ILLEGAL_MOVE.
 */
export async function withdrawRotation(db: Db, actor: PersonActor, ref: string): Promise<void> {
  requireRole(actor, 'rotations.withdraw')
  await db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    const items = await lockItems(trx, ref)
    const untouched = items.every((item) => item.status === 'pending')
    if (!untouched || !rotationMayMove('withdraw', rotation.status)) throw new Refusal('ILLEGAL_MOVE')
    const at = await clock(trx)
    for (const item of items) await moveItem(trx, item, 'cancel', 'cancelled', { actor, at })
    const changes = { completedAt: at, nextDeadline: null }
    const withdrawn = await moveRotation(trx, rotation, 'withdraw', 'withdrawn', { actor, at }, changes)
    await putRotationLetters(trx, withdrawn, { kind: 'withdrawn', audience: 'owners', who: actor.name, at, items })
  })
}

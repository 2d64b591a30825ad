import { clock, type Db } from '../database/connect.ts'
import { claimUndecidedRotation, lockItems } from '../database/rotations/locks.ts'
import { decisionIsOverdue } from '../rules/rotations/approvals.ts'
import { putRotationLetters } from './letters.ts'
import { BY_WORKER, moveItem, moveRotation } from './record.ts'

/**
 * Lets one rotation expire whose time to be decided or answered is over: nothing of it was changed, and its keys are free again. False when
 * there is none that no other worker has. An approval locks the same row, so one of the two wins.
 */
export async function expireNextUndecided(db: Db): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const rotation = await claimUndecidedRotation(trx)
    if (rotation === undefined) return false
    const items = await lockItems(trx, rotation.ref)
    const at = await clock(trx)
    if (!decisionIsOverdue(rotation.nextDeadline, at)) return false
    const record = { actor: BY_WORKER, at }
    for (const item of items) {
      if (item.status === 'pending') await moveItem(trx, item, 'cancel', 'cancelled', record)
    }
    const changes = { completedAt: at, nextDeadline: null, clockLeftSeconds: null }
    const expired = await moveRotation(trx, rotation, 'expire', 'expired', record, changes)
    await putRotationLetters(trx, expired, { kind: 'expired', audience: 'owners', who: null, at, items })
    return true
  })
}

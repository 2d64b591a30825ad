import { sql } from 'kysely'
import { clock, type Db, type Trx } from '../database/connect.ts'
import { claimUndecidedRotation, lockItems } from '../database/rotations/locks.ts'
import type { RotationRow } from '../database/schema.ts'
import { decisionIsOverdue } from '../rules/rotations/approvals.ts'
import { putRotationLetters } from './letters.ts'
import { BY_WORKER, moveItem, moveRotation } from './record.ts'

async function expire(trx: Trx, rotation: RotationRow): Promise<boolean> {
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
}

/** Lets all others that are overdue go first. It stays overdue itself, so nobody decides it meanwhile. */
async function goLast(db: Db, ref: string): Promise<void> {
  await db
    .updateTable('rotation')
    .set({ nextDeadline: sql<Date>`clock_timestamp()` })
    .where('ref', '=', ref)
    .where('status', 'in', ['submitted', 'needs_info'])
    .where('nextDeadline', '<=', sql<Date>`clock_timestamp()`)
    .execute()
}

/**
 * Lets one rotation expire whose time to be decided or answered is over: nothing of it was changed, and its keys are free again. False when
 * there is none that no other worker has. An approval locks the same row, so one of the two wins. One that fails holds up no other.
 */
export async function expireNextUndecided(db: Db): Promise<boolean> {
  let claimed: string | null = null
  try {
    return await db.transaction().execute(async (trx) => {
      const rotation = await claimUndecidedRotation(trx)
      if (rotation === undefined) return false
      claimed = rotation.ref
      return expire(trx, rotation)
    })
  } catch (error) {
    if (claimed !== null) await goLast(db, claimed)
    throw error
  }
}

import { clock, type Db, type Trx } from '../database/connect.ts'
import { claimDueRotation, lockItems } from '../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../database/schema.ts'
import type { KeyMaker } from '../keyring/make-version.ts'
import { executeItem, lockForExecution } from './execute.ts'
import { postpone } from './postpone.ts'
import { BY_WORKER, moveRotation } from './record.ts'
import { retireItems } from './retire.ts'
import { settle } from './settle.ts'

/** Called at named points of the work, so that whoever runs it can count or stop there. */
export type WorkMilestone = (name: WorkPoint) => void | Promise<void>
export const WORK_POINTS = [
  'execute.claimed',
  'execute.written',
  'execute.committed',
  'retire.claimed',
  'retire.written',
  'retire.committed',
] as const
export type WorkPoint = (typeof WORK_POINTS)[number]

async function execute(trx: Trx, maker: KeyMaker, rotation: RotationRow, item: ItemRow): Promise<void> {
  const locked = await lockForExecution(trx, item)
  const at = await clock(trx)
  const started =
    rotation.status === 'scheduled'
      ? await moveRotation(trx, rotation, 'execute', 'executing', { actor: BY_WORKER, at })
      : rotation
  await executeItem(trx, maker, started, item, locked, at)
  await settle(trx, started, at)
}

async function carryOut(
  trx: Trx,
  maker: KeyMaker,
  rotation: RotationRow,
  reached: WorkMilestone,
): Promise<'execute' | 'retire'> {
  const items = await lockItems(trx, rotation.ref)
  const now = await clock(trx)
  const due = items.filter((item) => item.dueAt !== null && item.dueAt <= now)
  const pending = due.find((item) => item.status === 'pending')
  if (pending !== undefined) {
    await reached('execute.claimed')
    await execute(trx, maker, rotation, pending)
    await reached('execute.written')
    return 'execute'
  }
  await reached('retire.claimed')
  const ended = due.filter((item) => item.status === 'overlap')
  await retireItems(trx, rotation, ended, now)
  await settle(trx, rotation, now)
  await reached('retire.written')
  return 'retire'
}

/**
 * Carries out the due work of one rotation in one transaction: one item to execute, or all old versions whose end has come.
 * False when nothing was due that no other worker has. Run twice, or after a crash in the middle, it does nothing twice: the item's status
 * is read under the lock and moved with it.
 */
export async function carryOutNextDue(db: Db, maker: KeyMaker, reached: WorkMilestone = () => {}): Promise<boolean> {
  let ref: string | undefined
  try {
    const done = await db.transaction().execute(async (trx) => {
      const rotation = await claimDueRotation(trx)
      if (rotation === undefined) return null
      ref = rotation.ref
      return carryOut(trx, maker, rotation, reached)
    })
    if (done !== null) await reached(`${done}.committed`)
    return done !== null
  } catch (error) {
    if (ref !== undefined) await postpone(db, ref)
    throw error
  }
}

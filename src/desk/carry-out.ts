import { clock, type Db, type Trx } from '../database/connect.ts'
import { claimDueRotation, lockItems } from '../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../database/schema.ts'
import type { KeyMaker } from '../keyring/make-version.ts'
import { approvalIsStale } from '../rules/rotations/approvals.ts'
import { executeItem, lockForExecution } from './execute.ts'
import { BY_WORKER, moveRotation } from './record.ts'
import { retireItems } from './retire.ts'
import { settle } from './settle.ts'
import { setStaleAside } from './stale.ts'
import { tellOfDelay } from './trouble/delayed.ts'
import { postpone } from './trouble/postpone.ts'

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
  if (rotation.status === 'scheduled' && approvalIsStale(rotation, at)) {
    await setStaleAside(trx, rotation, at)
    return
  }
  await tellOfDelay(trx, rotation, item, at)
  const started =
    rotation.status === 'scheduled'
      ? await moveRotation(trx, rotation, 'execute', 'executing', { actor: BY_WORKER, at })
      : rotation
  await executeItem(trx, maker, started, item, locked, at)
  await settle(trx, started, at)
}

/** One item to execute, or all old versions of the rotation whose end has come. */
type Work = { rotation: RotationRow; does: 'execute' | 'retire'; items: ItemRow[]; now: Date }

async function claimWork(trx: Trx): Promise<Work | null> {
  const rotation = await claimDueRotation(trx)
  if (rotation === undefined) return null
  const items = await lockItems(trx, rotation.ref)
  const now = await clock(trx)
  const due = items
    .filter((item) => item.dueAt !== null && item.dueAt <= now)
    .toSorted((a, b) => Number(a.dueAt) - Number(b.dueAt))
  const [first] = due
  if (first === undefined) return null
  if (first.status === 'pending') return { rotation, does: 'execute', items: [first], now }
  return { rotation, does: 'retire', items: due.filter((item) => item.status === 'overlap'), now }
}

async function carryOut(trx: Trx, maker: KeyMaker, { rotation, does, items, now }: Work): Promise<void> {
  if (does === 'retire') {
    await retireItems(trx, rotation, items, now)
    await settle(trx, rotation, now)
  } else {
    for (const item of items) await execute(trx, maker, rotation, item)
  }
}

/**
 * Carries out the due work of one rotation in one transaction: one item to execute, or all old versions whose end has come.
 * False when nothing was due that no other worker has. Run twice, or after a crash in the middle, it does nothing twice: the item's status
 * is read under the lock and moved with it.
 */
export async function carryOutNextDue(db: Db, maker: KeyMaker, reached: WorkMilestone = () => {}): Promise<boolean> {
  let claimed: Work | null = null
  try {
    const work = await db.transaction().execute(async (trx) => {
      const found = await claimWork(trx)
      claimed = found
      if (found === null) return null
      await reached(`${found.does}.claimed`)
      await carryOut(trx, maker, found)
      await reached(`${found.does}.written`)
      return found
    })
    if (work !== null) await reached(`${work.does}.committed`)
    return work !== null
  } catch (error) {
    const work = workOf(claimed)
    if (work !== null) await postpone(db, work)
    throw error
  }
}

function workOf(claimed: Work | null): { ref: string; itemIds: string[] } | null {
  return claimed && { ref: claimed.rotation.ref, itemIds: claimed.items.map((item) => item.id) }
}

import { sql } from 'kysely'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockItems, lockRotation } from '../../database/rotations/locks.ts'
import type { ItemRow } from '../../database/schema.ts'
import { BY_WORKER, moveItem, moveRotation } from '../record.ts'
import { settle } from '../settle.ts'

const LONGEST_WAIT_SECONDS = 60
/** After as many tries that broke off, a person has to look. */
const MAX_TRIES = 5

/** For people; what went wrong goes to the log alone. */
const PROBLEM = `The new key could not be made in ${MAX_TRIES} tries, because of an error on our side. The old key works as before.`

async function putOff(trx: Trx, items: readonly ItemRow[]): Promise<void> {
  if (items.length === 0) return
  await trx
    .updateTable('item')
    .set((item) => ({
      attempts: item('attempts', '+', 1),
      // the power is bounded too: work that is tried for ever would come to one that no number can hold
      dueAt: sql<Date>`clock_timestamp() + least(2 ^ least(attempts, 10), ${LONGEST_WAIT_SECONDS}) * interval '1 second'`,
    }))
    .where(
      'id',
      'in',
      items.map((item) => item.id),
    )
    .execute()
}

/**
 * Puts off items whose work failed unexpectedly, by 1 s, 2 s, 4 s … 60 s, so that one that always fails never
 * holds up the others. A key that could not be made in 5 tries fails, and its rotation needs attention; the end of an old key's
 * overlap is only bookkeeping, counts without it, and is tried for ever.
 */
export async function postpone(db: Db, work: { ref: string; itemIds: readonly string[] }): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, work.ref, null)
    const items = await lockItems(trx, work.ref)
    const at = await clock(trx)
    // Looked at again: another worker may have done it meanwhile.
    const tried = items.filter((item) => work.itemIds.includes(item.id) && item.dueAt !== null && item.dueAt <= at)
    const given = tried.filter((item) => item.status === 'pending' && item.attempts + 1 >= MAX_TRIES)
    await putOff(
      trx,
      tried.filter((item) => !given.includes(item)),
    )
    if (given.length === 0 || (rotation.status !== 'executing' && rotation.status !== 'scheduled')) return
    const record = { actor: BY_WORKER, at }
    const started =
      rotation.status === 'scheduled' ? await moveRotation(trx, rotation, 'execute', 'executing', record) : rotation
    for (const item of given) {
      const changes = { problem: PROBLEM, attempts: item.attempts + 1 }
      await moveItem(trx, item, 'fail', 'failed', { ...record, facts: { problem: PROBLEM } }, changes)
    }
    await settle(trx, started, at)
  })
}

import { sql } from 'kysely'
import type { Db } from '../database/connect.ts'

const LONGEST_WAIT_SECONDS = 60

/**
 * Puts off items whose work failed unexpectedly, by 1 s, 2 s, 4 s … 60 s, so that one that always fails never
 * holds up the others. What went wrong goes to the log alone: people see an item's problem.
 */
export async function postpone(db: Db, itemIds: readonly string[]): Promise<void> {
  if (itemIds.length === 0) return
  await db
    .updateTable('item')
    .set((item) => ({
      attempts: item('attempts', '+', 1),
      dueAt: sql<Date>`clock_timestamp() + least(2 ^ attempts, ${LONGEST_WAIT_SECONDS}) * interval '1 second'`,
    }))
    .where('id', 'in', itemIds)
    .where('dueAt', '<=', sql<Date>`clock_timestamp()`)
    .execute()
}

import { sql } from 'kysely'
import type { Db } from '../database/connect.ts'
import { scrub } from '../log.ts'

const LONGEST_WAIT_SECONDS = 60

/**
 * Puts off what is due of a rotation whose work failed unexpectedly, by 1 s, 2 s, 4 s … 60 s, and keeps the error's words, so that
 * one that always fails never holds up the others.
 */
export async function postpone(db: Db, ref: string, error: unknown): Promise<void> {
  const problem = scrub(error instanceof Error ? error.message : String(error)).slice(0, 500)
  await db
    .updateTable('item')
    .set((item) => ({
      attempts: sql<number>`${item.ref('attempts')} + 1`,
      dueAt: sql<Date>`clock_timestamp() + least(2 ^ attempts, ${LONGEST_WAIT_SECONDS}) * interval '1 second'`,
      problem,
    }))
    .where('rotationRef', '=', ref)
    .where('dueAt', '<=', sql<Date>`clock_timestamp()`)
    .execute()
}

import type { Trx } from '../database/connect.ts'
import type { Database } from '../database/schema.ts'

/** One reminder: `of` is the moment it reminds of, `dueAt` when it goes out. */
export type PlannedReminder = { kind: Database['reminder']['kind']; of: Date; dueAt: Date }

/**
 * Plans reminders as part of the caller's transaction; planned twice, each is there once. One whose moment has moved by the time it is due is
 * dropped then, so nobody has to take it back.
 */
export async function planReminders(trx: Trx, rotationRef: string, rows: readonly PlannedReminder[]): Promise<void> {
  if (rows.length === 0) return
  await trx
    .insertInto('reminder')
    .values(rows.map((row) => ({ ...row, rotationRef })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

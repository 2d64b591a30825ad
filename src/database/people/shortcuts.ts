import type { Db } from '../connect.ts'

/** Whether single keys do something for this person. */
export async function findShortcuts(db: Db, personId: string): Promise<boolean> {
  const row = await db.selectFrom('person').select('shortcuts').where('id', '=', personId).executeTakeFirst()
  return row?.shortcuts ?? false
}

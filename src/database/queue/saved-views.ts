import type { Db } from '../connect.ts'

export type SavedView = { name: string; query: string }

/** The views of the queue that a person saved, by name. */
export async function findSavedViews(db: Db, personId: string): Promise<SavedView[]> {
  return db.selectFrom('savedView').select(['name', 'query']).where('personId', '=', personId).orderBy('name').execute()
}

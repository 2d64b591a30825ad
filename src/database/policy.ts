import type { Selectable } from 'kysely'
import type { Db } from './connect.ts'
import type { Database } from './schema.ts'

/** The policy of the desk, of which there is one. */
export async function findPolicy(db: Db): Promise<Selectable<Database['policy']>> {
  return db.selectFrom('policy').selectAll().executeTakeFirstOrThrow()
}

import type { Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'

/**
 * Makes a task of each dependant of the key that must hold the very key, for the item that gave it a new version; repeated, it makes none
 * twice. The key is locked, so that no dependant is registered beside it.
 */
export async function makeTasks(trx: Trx, itemId: string, keyId: string, at: Date): Promise<void> {
  const dependants = await trx
    .selectFrom('dependant')
    .select('id')
    .where('keyId', '=', keyId)
    .where('exactKey', '=', true)
    .where('removedAt', 'is', null)
    .execute()
  if (dependants.length === 0) return
  const rows = dependants.map(({ id }) => ({ id: newId('task'), itemId, dependantId: id, createdAt: at }))
  await trx
    .insertInto('task')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['itemId', 'dependantId']).doNothing())
    .execute()
}

import type { Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'

/** Makes datasets of a service known by their names; one that is known already stays as it is. */
export async function registerDatasets(
  trx: Trx,
  service: { id: string; organisationId: string },
  names: readonly string[],
  at: Date,
): Promise<void> {
  if (names.length === 0) return
  const { id: serviceId, organisationId } = service
  await trx
    .insertInto('dataset')
    // in one order, so that two that register the same ones don't wait for each other in a ring
    .values(names.toSorted().map((name) => ({ id: newId('dataset'), serviceId, organisationId, name, createdAt: at })))
    .onConflict((conflict) => conflict.columns(['serviceId', 'name']).doNothing())
    .execute()
}

import type { Db } from '../../../src/database/connect.ts'
import { addService, type DeskWorld } from './desk-world.ts'

let count = 0

/** Sets what the policy of one service has beside the desk's. */
export async function setServicePolicy(
  db: Db,
  serviceId: string,
  own: { selfService?: boolean; cooldownSeconds?: number },
): Promise<void> {
  const row = db.insertInto('servicePolicy').values({ serviceId, ...own })
  await row.onConflict((conflict) => conflict.column('serviceId').doUpdateSet(own)).execute()
}

/** A service whose policy lets owners roll its keys themselves. */
export async function addSelfService(db: Db, world: DeskWorld) {
  count += 1
  const service = await addService(db, world.admin, world.organisationId, `Self-service ${count}`)
  await setServicePolicy(db, service.id, { selfService: true })
  return service
}

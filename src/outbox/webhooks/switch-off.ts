import { sql } from 'kysely'
import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { findKeepers } from '../../database/webhooks/endpoints.ts'
import { endDeliveries } from '../../database/webhooks/queue.ts'
import { putNotices } from '../notices.ts'

/** So long has nothing arrived at an endpoint when a delivery that was given up switches it off. */
const SILENT_DAYS = 3

/** Whether nothing has arrived at the endpoint in the last days. */
export async function isSilent(db: Db, endpointId: string): Promise<boolean> {
  const arrived = await db
    .selectFrom('webhookDelivery')
    .select('id')
    .where('endpointId', '=', endpointId)
    .where('deliveredAt', '>', sql<Date>`clock_timestamp() - make_interval(days => ${SILENT_DAYS})`)
    .limit(1)
    .executeTakeFirst()
  return arrived === undefined
}

/**
 * Stops sending to an endpoint until somebody switches it on again: what still waits for it is ended, and whoever keeps it is told. Does
 * nothing where it is off or removed already.
 */
export async function switchOff(db: Db, endpointId: string, because: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const endpoint = await trx
      .selectFrom('webhookEndpoint')
      .selectAll()
      .where('id', '=', endpointId)
      .where('removedAt', 'is', null)
      .where('switchedOffAt', 'is', null)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (endpoint === undefined) return
    const at = await clock(trx)
    await trx
      .updateTable('webhookEndpoint')
      .set({ switchedOffAt: at, switchedOffBecause: because })
      .where('id', '=', endpointId)
      .execute()
    await endDeliveries(trx, endpointId, at)
    const { organisation, readers } = await findKeepers(trx, endpoint)
    const shown = { organisation, who: null, about: new URL(endpoint.url).host, path: `/webhooks/${endpointId}`, at }
    const key = `${endpointId}/${at.toISOString()}`
    await putNotices(trx, readers, { ...shown, notice: 'webhook_switched_off', key })
    const facts = { endpoint: endpointId, because }
    const chain = endpoint.organisationId ?? DESK_CHAIN
    await recordAudit(trx, chain, at, { action: 'webhook.switch_off', actor: { kind: 'worker' }, facts })
  })
}

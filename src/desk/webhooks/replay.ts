import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { lockDelivery } from '../../database/webhooks/deliveries.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'

/**
 * Sends a delivery once more as soon as can be, under the same `webhook-id`, whether it arrived, was given up or waits for its next
 * attempt; the schedule starts anew. One that is under way or due at this moment is left alone, so twice is as good as once. Refuses
 * NOT_FOUND, and ILLEGAL_MOVE while the endpoint is switched off.
 */
export async function replayWebhook(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'webhooks.manage')
  await db.transaction().execute(async (trx) => {
    const delivery = await lockDelivery(trx, actor, id)
    if (delivery.switchedOffAt !== null) {
      throw new Refusal('ILLEGAL_MOVE', { detail: 'The endpoint is switched off. Switch it on first.' })
    }
    const at = await clock(trx)
    const { heldUntil, nextAttemptAt, attempts } = delivery
    const underWay = (heldUntil !== null && heldUntil > at) || (nextAttemptAt !== null && nextAttemptAt <= at)
    if (underWay) return
    const again = { nextAttemptAt: at, heldUntil: null, deliveredAt: null, gaveUpAt: null, replayedAfter: attempts }
    await trx.updateTable('webhookDelivery').set(again).where('id', '=', id).execute()
    const facts = { delivery: id, endpoint: delivery.endpointId, event: delivery.eventId }
    await recordAudit(trx, actor.organisationId ?? DESK_CHAIN, at, { action: 'webhook.replay', actor, facts })
  })
}

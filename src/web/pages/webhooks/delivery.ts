import { findDelivery } from '../../../database/webhooks/deliveries.ts'
import { findEndpoint } from '../../../database/webhooks/endpoints.ts'
import { replayWebhook } from '../../../desk/webhooks/replay.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime } from '../../shown/times.ts'
import { shownDelivery } from './shown.ts'

async function show(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'webhooks.manage')
  const { db } = c.get('desk')
  const { timeZone } = bearerOf(c)
  const delivery = await findDelivery(db, actor, id)
  const endpoint = delivery === undefined ? undefined : await findEndpoint(db, actor, delivery.endpointId)
  if (delivery === undefined || endpoint === undefined) throw new Refusal('NOT_FOUND')
  return showPage(c, 'webhook-delivery', {
    title: 'Webhook delivery',
    ...shownDelivery(delivery, timeZone),
    endpointHref: `/webhooks/${endpoint.id}`,
    host: new URL(endpoint.url).host,
    on: endpoint.switchedOffAt === null,
    again: c.req.query('again') === 'yes',
    payload: JSON.stringify(JSON.parse(delivery.body), null, 2),
    tries: delivery.tries.map(({ number, at, status, milliseconds, error }) => ({
      number,
      at: shownTime(at, timeZone),
      outcome: error ?? `It answered ${status}.`,
      took: `${milliseconds} ms`,
    })),
  })
}

async function replay(c: WebContext, id: string): Promise<Response> {
  await replayWebhook(c.get('desk').db, actorFor(c, 'webhooks.manage'), id)
  return c.redirect(`/webhooks/deliveries/${id}?again=yes`, 303)
}

/** One delivery with every attempt, and sending it once more. */
export function addWebhookDelivery(app: App): void {
  app.get('/webhooks/deliveries/:id', (c) => show(c, c.req.param('id')))
  app.post('/webhooks/deliveries/:id/replay', (c) => replay(c, c.req.param('id')))
}

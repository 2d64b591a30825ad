import { z } from 'zod'
import { DELIVERY_STATUSES, type DeliveryStatus, findDeliveries } from '../../../database/webhooks/deliveries.ts'
import { type EndpointView, findEndpoint } from '../../../database/webhooks/endpoints.ts'
import { removeWebhookEndpoint, switchOnWebhookEndpoint } from '../../../desk/webhooks/endpoints.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { WEBHOOK_EVENTS } from '../../../rules/webhooks/events.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { shownDelivery, shownEndpoint } from './shown.ts'

const AT_ONCE = 50
const VIEWS: readonly (readonly [status: DeliveryStatus | undefined, label: string])[] = [
  [undefined, 'All'],
  ['waiting', 'Waiting'],
  ['failed', 'Not delivered'],
  ['delivered', 'Delivered'],
]

async function endpointOf(c: WebContext, id: string): Promise<EndpointView> {
  const actor = actorFor(c, 'webhooks.manage')
  const endpoint = await findEndpoint(c.get('desk').db, actor, id)
  if (endpoint === undefined) throw new Refusal('NOT_FOUND')
  return endpoint
}

function linkTo(id: string, status: DeliveryStatus | undefined, after?: string): string {
  const query = new URLSearchParams({ ...(status && { status }), ...(after && { after }) }).toString()
  return `/webhooks/${id}${query === '' ? '' : `?${query}`}`
}

async function show(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'webhooks.manage')
  const endpoint = await endpointOf(c, id)
  const { timeZone } = bearerOf(c)
  const status = DELIVERY_STATUSES.find((known) => known === c.req.query('status'))
  const filter = { status, cursor: c.req.query('after'), limit: AT_ONCE }
  const page = await findDeliveries(c.get('desk').db, actor, id, filter)
  const words: Readonly<Record<string, string>> = WEBHOOK_EVENTS
  return showPage(c, 'webhook', {
    title: 'Webhook',
    ...shownEndpoint(endpoint, timeZone),
    wanted: endpoint.events.map((type) => ({ type, means: words[type] ?? '' })),
    views: VIEWS.map(([view, label]) => ({ label, href: linkTo(id, view), current: view === status })),
    viewLabel: VIEWS.find(([view]) => view === status)?.[1] ?? 'All',
    filtered: status !== undefined,
    on: endpoint.switchedOffAt === null,
    deliveries: page.items.map((delivery) => shownDelivery(delivery, timeZone)),
    nextHref: page.nextCursor === null ? null : linkTo(id, status, page.nextCursor),
  })
}

async function switchOn(c: WebContext, id: string): Promise<Response> {
  await switchOnWebhookEndpoint(c.get('desk').db, actorFor(c, 'webhooks.manage'), id)
  return c.redirect(`/webhooks/${id}`, 303)
}

async function askToRemove(c: WebContext, id: string, problems?: Problems): Promise<Response> {
  const { url } = await endpointOf(c, id)
  const facts = { title: 'Remove the webhook?', host: new URL(url).host, href: `/webhooks/${id}` }
  const askCode = await needsCode(c)
  return showPage(c, 'remove-webhook', { ...facts, askCode, ...(problems === undefined ? {} : { problems }) })
}

async function remove(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'webhooks.manage')
  const { typed } = await readForm(c, z.object({}))
  await endpointOf(c, id)
  return orAskAgain(
    async () => {
      await confirmWithCode(c, typed.code)
      await removeWebhookEndpoint(c.get('desk').db, actor, id)
      return c.redirect('/webhooks?removed=yes', 303)
    },
    (problems) => askToRemove(c, id, problems),
  )
}

/** One webhook: what was sent there and how it went, and what can be done with it. */
export function addWebhook(app: App): void {
  app.get('/webhooks/:id', (c) => show(c, c.req.param('id')))
  app.post('/webhooks/:id/on', (c) => switchOn(c, c.req.param('id')))
  app.get('/webhooks/:id/removal', (c) => askToRemove(c, c.req.param('id')))
  app.post('/webhooks/:id/removal', (c) => remove(c, c.req.param('id')))
}

import { z } from 'zod'
import { findGateway, findGateways, type GatewayView } from '../../database/keys/gateways.ts'
import { createGateway, revokeGateway } from '../../keyring/gateways.ts'
import { Refusal } from '../../rules/refusals.ts'
import { count } from '../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { confirmWithCode, needsCode } from '../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../forms/form.ts'
import { newDraft, oncePerDraft } from '../forms/once.ts'
import { showMadeToken } from '../shown/made-token.ts'
import { showPage } from '../shown/page.ts'
import { shownTime, shownTimeOrNull } from '../shown/times.ts'

const AT_ONCE = 100
const newGateway = z.object({
  draft: z.string(),
  name: z.string().trim().min(1, 'Enter a name.').max(100, 'Use at most 100 characters.'),
  code: z.string().optional(),
})

async function show(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  actorFor(c, 'gateways.manage')
  const { timeZone } = bearerOf(c)
  const page = await findGateways(c.get('desk').db, { cursor: c.req.query('after'), limit: AT_ONCE })
  return showPage(c, 'gateways', {
    title: 'Gateways',
    gateways: page.items.map(({ id, name, last4, serviceIds, createdAt, revokedAt }) => ({
      id,
      name,
      last4,
      servicesWord: serviceIds === null ? 'all' : count(serviceIds.length, 'service'),
      createdAt: shownTime(createdAt, timeZone),
      live: revokedAt === null,
      revokedAt: shownTimeOrNull(revokedAt, timeZone),
    })),
    nextHref: page.nextCursor === null ? null : `/gateways?after=${encodeURIComponent(page.nextCursor)}`,
    draft: newDraft(),
    askCode: await needsCode(c),
    ...again,
  })
}

async function create(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'gateways.manage')
  const { values, typed, problems } = await readForm(c, newGateway)
  if (problems !== null) return show(c, { values: typed, problems })
  const { name, draft } = values
  const run = async () => {
    await confirmWithCode(c, values.code)
    const { token } = await createGateway(c.get('desk').db, actor, { name })
    return showMadeToken(c, {
      title: 'Store the gateway’s token',
      heading: 'The gateway is ready',
      name,
      token,
      usage: 'The gateway sends it with each check as “Authorization: Bearer” and the token.',
      backHref: '/gateways',
    })
  }
  return orAskAgain(
    () => oncePerDraft(c, draft, run, async () => c.redirect('/gateways', 303)),
    (problems) => show(c, { values: typed, problems }),
  )
}

async function gatewayOf(c: WebContext, id: string): Promise<GatewayView> {
  const gateway = await findGateway(c.get('desk').db, id)
  if (gateway === undefined) throw new Refusal('NOT_FOUND')
  return gateway
}

async function askToRevoke(c: WebContext, id: string, problems?: Problems): Promise<Response> {
  actorFor(c, 'gateways.manage')
  const { name, last4, revokedAt } = await gatewayOf(c, id)
  if (revokedAt !== null) return c.redirect('/gateways', 303)
  const facts = { title: 'Revoke the gateway?', id, name, last4, askCode: await needsCode(c) }
  return showPage(c, 'revoke-gateway', { ...facts, ...(problems === undefined ? {} : { problems }) })
}

async function revoke(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'gateways.manage')
  const { typed } = await readForm(c, z.object({}))
  const { revokedAt } = await gatewayOf(c, id)
  // Sent twice, it has ended already.
  if (revokedAt !== null) return c.redirect('/gateways', 303)
  return orAskAgain(
    async () => {
      await confirmWithCode(c, typed.code)
      await revokeGateway(c.get('desk').db, actor, id)
      return c.redirect('/gateways', 303)
    },
    (problems) => askToRevoke(c, id, problems),
  )
}

export function addGateways(app: App): void {
  app.get('/gateways', (c) => show(c))
  app.post('/gateways', create)
  app.get('/gateways/:id/revocation', (c) => askToRevoke(c, c.req.param('id')))
  app.post('/gateways/:id/revocation', (c) => revoke(c, c.req.param('id')))
}

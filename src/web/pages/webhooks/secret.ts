import { z } from 'zod'
import { findEndpoint } from '../../../database/webhooks/endpoints.ts'
import { rollWebhookSecret } from '../../../desk/webhooks/endpoints.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime } from '../../shown/times.ts'
import { shownEndpoint } from './shown.ts'

type MadeSecret = { id: string; secret: string; heading: string; host: string; oldEndsAt: Date | null }

/** Shows a secret that was just made, this once; nothing on its way may keep the page. */
export function showSecret(c: WebContext, { id, secret, heading, host, oldEndsAt }: MadeSecret): Promise<Response> {
  c.header('cache-control', 'no-store')
  const { timeZone } = bearerOf(c)
  return showPage(c, 'webhook-secret', {
    title: 'Store the webhook’s secret',
    heading,
    host,
    secret,
    oldEndsAt: oldEndsAt === null ? null : shownTime(oldEndsAt, timeZone),
    href: `/webhooks/${id}`,
  })
}

const OVERLAPS = [
  { value: '0', label: 'Not at all: it may have leaked' },
  { value: '3600', label: '1 hour' },
  { value: '86400', label: '1 day' },
  { value: '604800', label: '7 days' },
]
const roll = z.object({
  draft: z.string(),
  overlap: z.enum(['0', '3600', '86400', '604800'], 'Choose how long both secrets sign.').transform(Number),
  code: z.string().optional(),
})

async function endpointOf(c: WebContext, id: string) {
  const actor = actorFor(c, 'webhooks.manage')
  const endpoint = await findEndpoint(c.get('desk').db, actor, id)
  if (endpoint === undefined) throw new Refusal('NOT_FOUND')
  return shownEndpoint(endpoint, bearerOf(c).timeZone)
}

async function ask(c: WebContext, id: string, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const { host, href } = await endpointOf(c, id)
  const wanted = again?.values.overlap ?? '86400'
  return showPage(c, 'roll-webhook-secret', {
    title: 'Replace the webhook’s secret',
    host,
    href,
    overlaps: OVERLAPS.map((overlap, i) => ({
      ...overlap,
      inputId: i === 0 ? 'overlap' : `overlap-${overlap.value}`,
      chosen: overlap.value === wanted,
    })),
    draft: newDraft(),
    askCode: await needsCode(c),
    ...again,
  })
}

async function replace(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'webhooks.manage')
  const { host } = await endpointOf(c, id)
  const { values, typed, problems } = await readForm(c, roll)
  if (problems !== null) return ask(c, id, { values: typed, problems })
  const run = async () => {
    await confirmWithCode(c, values.code)
    const { secret, oldSecretEndsAt } = await rollWebhookSecret(c.get('desk'), actor, id, values.overlap)
    return showSecret(c, { id, secret, heading: 'The new secret', host, oldEndsAt: oldSecretEndsAt })
  }
  return orAskAgain(
    () => oncePerDraft(c, values.draft, run, async () => c.redirect(`/webhooks/${id}`, 303)),
    (problems) => ask(c, id, { values: typed, problems }),
  )
}

export function addWebhookSecret(app: App): void {
  app.get('/webhooks/:id/secret', (c) => ask(c, c.req.param('id')))
  app.post('/webhooks/:id/secret', (c) => replace(c, c.req.param('id')))
}

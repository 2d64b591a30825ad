import { z } from 'zod'
import { findEndpoints } from '../../../database/webhooks/endpoints.ts'
import { createWebhookEndpoint } from '../../../desk/webhooks/endpoints.ts'
import { WEBHOOK_EVENT_TYPES, WEBHOOK_EVENTS } from '../../../rules/webhooks/events.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed, textsOf } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { showPage } from '../../shown/page.ts'
import { showSecret } from './secret.ts'
import { shownEndpoint } from './shown.ts'

const AT_ONCE = 50
const newEndpoint = z.object({
  draft: z.string(),
  url: z.string().trim().min(1, 'Enter an address.').max(2_000, 'Use at most 2000 characters.'),
  which: z.enum(['all', 'some']).default('all'),
  code: z.string().optional(),
})

const GROUPS = [
  { start: 'rotation.', legend: 'Rotations' },
  { start: 'item.', legend: 'Keys in them' },
  { start: 'follow_up.', legend: 'More time, early ends and rollbacks' },
]

function eventGroups(chosen: readonly string[]) {
  return GROUPS.map(({ start, legend }) => ({
    legend,
    events: WEBHOOK_EVENT_TYPES.filter((type) => type.startsWith(start)).map((type) => ({
      type,
      inputId: `event-${type.replace('.', '-')}`,
      means: WEBHOOK_EVENTS[type],
      chosen: chosen.includes(type),
    })),
  }))
}

type Again = { values: Typed; problems: Problems; chosen: readonly string[] }

async function show(c: WebContext, again?: Again): Promise<Response> {
  const actor = actorFor(c, 'webhooks.manage')
  const { timeZone } = bearerOf(c)
  const cursor = c.req.query('after')
  const page = await findEndpoints(c.get('desk').db, actor, { cursor, limit: AT_ONCE })
  return showPage(c, 'webhooks', {
    title: 'Webhooks',
    ofDesk: actor.organisationId === null,
    removed: c.req.query('removed') === 'yes',
    endpoints: page.items.map((endpoint) => shownEndpoint(endpoint, timeZone)),
    nextHref: page.nextCursor === null ? null : `/webhooks?after=${encodeURIComponent(page.nextCursor)}`,
    groups: eventGroups(again?.chosen ?? []),
    someChosen: again?.values.which === 'some',
    draft: newDraft(),
    askCode: await needsCode(c),
    ...(again === undefined ? {} : { values: again.values, problems: again.problems }),
  })
}

async function create(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'webhooks.manage')
  const { values, typed, problems } = await readForm(c, newEndpoint)
  const chosen = await textsOf(c, 'event')
  const askAgain = (problems: Problems) => show(c, { values: typed, problems, chosen })
  if (problems !== null) return askAgain(problems)
  const { url, which, draft } = values
  if (which === 'some' && chosen.length === 0) return askAgain({ events: 'Tick at least one event, or choose all.' })
  const run = async () => {
    await confirmWithCode(c, values.code)
    const made = await createWebhookEndpoint(c.get('desk'), actor, { url, events: which === 'some' ? chosen : [] })
    return showSecret(c, { ...made, heading: 'The webhook is ready', host: new URL(url).host, oldEndsAt: null })
  }
  return orAskAgain(() => oncePerDraft(c, draft, run, async () => c.redirect('/webhooks', 303)), askAgain, {
    ADDRESS_REFUSED: 'url',
  })
}

/** The organisation's webhooks for its owners, the desk's own for its admins. */
export function addWebhookList(app: App): void {
  app.get('/webhooks', (c) => show(c))
  app.post('/webhooks', create)
}

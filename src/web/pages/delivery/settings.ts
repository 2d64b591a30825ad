import { z } from 'zod'
import { findService } from '../../../database/keys/services.ts'
import { setDelivery } from '../../../keyring/delivery/set-delivery.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'

const wish = z.object({
  how: z.enum(['sealed', 'shown'], 'Choose how new keys are delivered.'),
  ageRecipient: z.string().max(1_000, 'That is no age recipient.'),
  code: z.string().optional(),
})

/** What was typed, without what may be somebody's secret half: it is never sent back. */
function withoutIdentity(values: Typed): Typed {
  return /AGE-SECRET-KEY/i.test(values.ageRecipient ?? '') ? { ...values, ageRecipient: '' } : values
}

async function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const actor = actorFor(c, 'delivery.manage')
  const service = await findService(c.get('desk').db, actor, c.req.param('id') ?? '')
  if (service === undefined) throw new Refusal('NOT_FOUND')
  const values = withoutIdentity(again?.values ?? { ageRecipient: service.ageRecipient ?? '' })
  const isSealed = (again?.values.how ?? (service.ageRecipient === null ? 'shown' : 'sealed')) === 'sealed'
  return showPage(c, 'delivery', {
    title: `How new keys of ${service.name} are delivered`,
    id: service.id,
    name: service.name,
    live: service.environment === 'live',
    now: service.ageRecipient,
    changed: c.req.query('changed') !== undefined,
    isSealed,
    isShown: !isSealed,
    askCode: await needsCode(c),
    ...(again === undefined ? {} : { problems: again.problems }),
    values,
  })
}

async function change(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'delivery.manage')
  const id = c.req.param('id') ?? ''
  const { values, typed, problems } = await readForm(c, wish)
  const again = (wrong: Problems) => ask(c, { values: typed, problems: wrong })
  if (problems !== null) return again(problems)
  const run = async () => {
    await confirmWithCode(c, values.code)
    await setDelivery(c.get('desk').db, actor, id, values.how === 'sealed' ? values.ageRecipient : null)
    return c.redirect(`/services/${id}/delivery?changed`, 303)
  }
  return orAskAgain(run, again, { RECIPIENT_REFUSED: 'ageRecipient', ON_HOLD: '' })
}

/** Where an owner says to whom new keys of a service are encrypted. */
export function addDeliverySettings(app: App): void {
  app.get('/services/:id/delivery', (c) => ask(c))
  app.post('/services/:id/delivery', change)
}

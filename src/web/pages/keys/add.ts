import { z } from 'zod'
import { findService } from '../../../database/keys/services.ts'
import { createKey } from '../../../keyring/keys/create.ts'
import { createDataset } from '../../../keyring/keys/create-dataset.ts'
import { defaultPermission } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { parseLocalTime } from '../../../rules/text/local-times.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed, textsOf } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { showPage } from '../../shown/page.ts'
import { fieldFacts, type KeyForm, keyForm, problemsShown } from './fields.ts'

async function placeOf(c: WebContext) {
  const actor = actorFor(c, 'keys.manage')
  const service = await findService(c.get('desk').db, actor, c.req.param('id') ?? '')
  if (service === undefined) throw new Refusal('NOT_FOUND')
  return { actor, service }
}

const sent = z.object({ draft: z.string(), code: z.string().optional() })

function newKeyForm(timeZone: string) {
  const expiresAt = z
    .string()
    .trim()
    .default('')
    .transform((text, context) => {
      const end = text === '' ? undefined : parseLocalTime(text, timeZone)
      if (end === null) context.addIssue({ code: 'custom', message: 'Enter a date and a time, or leave it empty.' })
      return end ?? undefined
    })
  const kind = z.enum(['auth', 'admin'], 'Say which kind it is.')
  return z.intersection(keyForm, sent.extend({ kind, expiresAt }))
}

const NEW: KeyForm = { typed: { permission: defaultPermission('auth'), kind: 'auth' }, datasets: [] }

async function askForKey(c: WebContext, again?: { form: KeyForm; problems: Problems }): Promise<Response> {
  const { service } = await placeOf(c)
  const form = again?.form ?? NEW
  return showPage(c, 'add-key', {
    title: `Add a key to ${service.name}`,
    service: { id: service.id, name: service.name, live: service.environment === 'live' },
    kindIsAuth: form.typed.kind === 'auth',
    kindIsAdmin: form.typed.kind === 'admin',
    timeZone: bearerOf(c).timeZone,
    draft: newDraft(),
    askCode: await needsCode(c),
    ...(await fieldFacts(c, service, form)),
    ...(again === undefined ? {} : { problems: problemsShown(again.problems) }),
  })
}

async function addKey(c: WebContext): Promise<Response> {
  const { service, actor } = await placeOf(c)
  const { values, typed, problems } = await readForm(c, newKeyForm(bearerOf(c).timeZone))
  const datasets = await textsOf(c, 'datasets')
  const again = (problems: Problems) => askForKey(c, { form: { typed, datasets }, problems })
  if (problems !== null) return again(problems)
  const { draft, code, ...key } = values
  const { db, maker } = c.get('desk')
  const run = async () => {
    await confirmWithCode(c, code)
    const { id } = await createKey(db, maker, actor, service.id, key)
    return c.redirect(`/keys/${id}`, 303)
  }
  const made = async () => c.redirect(`/services/${service.id}`, 303)
  return orAskAgain(() => oncePerDraft(c, draft, run, made), again, { TOO_MANY_KEYS: '' })
}

const newDataset = sent.extend({
  name: z.string().trim().min(1, 'Enter a name.').max(100, 'Use at most 100 characters.'),
})

async function askForDataset(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const { service } = await placeOf(c)
  return showPage(c, 'add-dataset', {
    title: `Add a dataset to ${service.name}`,
    service: { id: service.id, name: service.name, live: service.environment === 'live' },
    draft: newDraft(),
    askCode: await needsCode(c),
    ...again,
  })
}

async function addDataset(c: WebContext): Promise<Response> {
  const { service, actor } = await placeOf(c)
  const { values, typed, problems } = await readForm(c, newDataset)
  const again = (problems: Problems) => askForDataset(c, { values: typed, problems })
  if (problems !== null) return again(problems)
  const { db, maker } = c.get('desk')
  const run = async () => {
    await confirmWithCode(c, values.code)
    const { keyId } = await createDataset(db, maker, actor, { serviceId: service.id, name: values.name })
    return c.redirect(`/keys/${keyId}`, 303)
  }
  const made = async () => c.redirect(`/services/${service.id}`, 303)
  return orAskAgain(() => oncePerDraft(c, values.draft, run, made), again, { TOO_MANY_KEYS: '', NAME_TAKEN: 'name' })
}

/** Where an owner adds a key to a service, by hand or with a dataset. */
export function addAdding(app: App): void {
  app.get('/services/:id/keys/new', (c) => askForKey(c))
  app.post('/services/:id/keys', addKey)
  app.get('/services/:id/datasets/new', (c) => askForDataset(c))
  app.post('/services/:id/datasets', addDataset)
}

import { z } from 'zod'
import { findDependants } from '../../../database/dependants/dependants.ts'
import { addDependant } from '../../../keyring/dependants/add.ts'
import { removeDependant } from '../../../keyring/dependants/remove.ts'
import { DEPENDANT_TYPES, DEPENDANT_WORDS } from '../../../rules/keys/dependants.ts'
import type { PersonActor } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import type { App, WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { dependantRow } from '../../shown/dependants.ts'
import { showPage } from '../../shown/page.ts'
import { keyOf } from '../keys/key.ts'

const fields = z.object({
  draft: z.string(),
  type: z.enum(DEPENDANT_TYPES, 'Choose what it is.'),
  name: z.string('Enter a name.').trim().min(1, 'Enter a name.').max(100, 'Use at most 100 characters.'),
  bound: z.enum(['key', 'secret'], 'Choose what happens when the key is rotated.'),
})
const struckOff = z.object({ dependant: z.string() })

function pathOf(keyId: string): string {
  return `/keys/${keyId}/dependants`
}

async function show(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const { key, service } = await keyOf(c, 'dependants.manage')
  const dependants = await findDependants(c.get('desk').db, [key.id])
  return showPage(c, 'dependants', {
    title: `What depends on ${key.name}`,
    keyHref: `/keys/${key.id}`,
    keyName: key.name,
    serviceName: service.name,
    live: service.environment === 'live',
    action: pathOf(key.id),
    dependants: dependants.map(dependantRow),
    types: DEPENDANT_TYPES.map((type, i) => ({
      value: type,
      inputId: i === 0 ? 'type' : `type-${type}`,
      label: DEPENDANT_WORDS[type],
      chosen: again?.values.type === type,
    })),
    boundToKey: again?.values.bound === 'key',
    boundToSecret: again?.values.bound === 'secret',
    draft: newDraft(),
    ...again,
  })
}

async function add(c: WebContext): Promise<Response> {
  const { key, actor } = await keyOf(c, 'dependants.manage')
  const { values, typed, problems } = await readForm(c, fields)
  const again = (problems: Problems) => show(c, { values: typed, problems })
  if (problems !== null) return again(problems)
  const { type, name, bound } = values
  const done = async () => c.redirect(pathOf(key.id), 303)
  const run = async () => {
    await addDependant(c.get('desk').db, actor, key.id, { type, name, exactKey: bound === 'secret' })
    return done()
  }
  return orAskAgain(() => oncePerDraft(c, values.draft, run, done), again, { NAME_TAKEN: 'name' })
}

/** Takes it off this key's list; sent twice, it is off already. */
async function strikeOff(c: WebContext, actor: PersonActor, keyId: string, id: string): Promise<void> {
  const { db } = c.get('desk')
  const dependants = await findDependants(db, [keyId])
  if (!dependants.some((dependant) => dependant.id === id)) return
  try {
    await removeDependant(db, actor, id)
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'NOT_FOUND') throw error
  }
}

async function remove(c: WebContext): Promise<Response> {
  const { key, actor } = await keyOf(c, 'dependants.manage')
  const { values } = await readForm(c, struckOff)
  if (values !== null) await strikeOff(c, actor, key.id, values.dependant)
  return c.redirect(pathOf(key.id), 303)
}

/** Where an owner says what depends on a key. */
export function addDependants(app: App): void {
  app.get('/keys/:id/dependants', (c) => show(c))
  app.post('/keys/:id/dependants', add)
  app.post('/keys/:id/dependants/removal', remove)
}

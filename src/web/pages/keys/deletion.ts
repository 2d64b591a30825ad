import { z } from 'zod'
import { findDependants } from '../../../database/dependants/dependants.ts'
import { deleteKey } from '../../../desk/trouble/delete-key.ts'
import { KIND_WORDS } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { shownFates } from '../../shown/dependants.ts'
import { stoppingVersions } from '../../shown/keys/stopping.ts'
import { showPage } from '../../shown/page.ts'
import { keyOf } from './key.ts'

const deletion = z.object({
  draft: z.string(),
  confirmName: z.string().trim().min(1, 'Type the name of the key.'),
  code: z.string().optional(),
})

async function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const { key, service } = await keyOf(c, 'keys.manage')
  const dependants = await findDependants(c.get('desk').db, [key.id])
  return showPage(c, 'delete-key', {
    title: `Delete ${key.name}?`,
    key: { id: key.id, name: key.name, kindWord: KIND_WORDS[key.kind], ref: key.rotationRef },
    service: { name: service.name, live: service.environment === 'live' },
    nameHint: `Type “${key.name}”.`,
    versions: stoppingVersions(key, bearerOf(c).timeZone),
    fates: shownFates(dependants, [{ id: key.id }], 'delete'),
    draft: newDraft(),
    askCode: await needsCode(c),
    ...again,
  })
}

async function remove(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'keys.manage')
  const keyId = c.req.param('id') ?? ''
  const { values, typed, problems } = await readForm(c, deletion)
  const again = (problems: Problems) => ask(c, { values: typed, problems })
  if (problems !== null) return again(problems)
  const gone = async () => c.redirect('/services', 303)
  const run = async () => {
    const { service } = await keyOf(c, 'keys.manage')
    await confirmWithCode(c, values.code)
    await deleteKey(c.get('desk').db, actor, { keyId, confirmName: values.confirmName })
    return c.redirect(`/services/${service.id}`, 303)
  }
  // Sent twice, it is gone already.
  return orAskAgain(() => oncePerDraft(c, values.draft, run, gone), again)
}

/** The page before a key goes, with what stops at once. */
export function addDeletion(app: App): void {
  app.get('/keys/:id/deletion', (c) => ask(c))
  app.post('/keys/:id/deletion', remove)
}

import { z } from 'zod'
import type { KeyView, ServiceView } from '../../../database/keys/services.ts'
import { editKey } from '../../../keyring/keys/edit.ts'
import { changedFields, type KeyFields } from '../../../rules/keys/key-fields.ts'
import { PERMISSIONS } from '../../../rules/keys/verdict.ts'
import type { App, WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, textsOf } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { fieldFacts, formOf, type KeyForm, keyForm, problemsShown } from './fields.ts'
import { keyOf } from './key.ts'

const fields = z.object({
  name: z.string(),
  description: z.string(),
  permission: z.enum(PERMISSIONS),
  ipRanges: z.array(z.string()),
  datasets: z.array(z.string()),
})

/** The key as it was when the form was opened, which the form carries. */
const opened = z.object({
  code: z.string().optional(),
  was: z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text)
      } catch {
        context.addIssue({ code: 'custom', message: 'Open the key again.' })
        return z.NEVER
      }
    })
    .pipe(fields),
})

/** What was changed in the form and nothing else, so that it undoes nothing that somebody else changed meanwhile. */
function changesOf(was: KeyFields, sent: KeyFields): Partial<KeyFields> {
  return Object.fromEntries(changedFields(was, sent).map((name) => [name, sent[name]]))
}

type Again = { form: KeyForm; was: string; problems: Problems }

async function ask(c: WebContext, found: { key: KeyView; service: ServiceView }, again?: Again): Promise<Response> {
  const { key, service } = found
  const problems = again === undefined ? {} : { problems: problemsShown(again.problems) }
  return showPage(c, 'edit-key', {
    title: `Edit ${key.name}`,
    key: { id: key.id, name: key.name, overlap: key.rotationRef },
    service: { name: service.name, live: service.environment === 'live' },
    was: again?.was ?? JSON.stringify(fields.parse(key)),
    askCode: await needsCode(c),
    ...(await fieldFacts(c, service, again?.form ?? formOf(key))),
    ...problems,
  })
}

async function edit(c: WebContext): Promise<Response> {
  const found = await keyOf(c, 'keys.manage')
  const { values, typed, problems } = await readForm(c, z.intersection(keyForm, opened))
  const datasets = await textsOf(c, 'datasets')
  const again = (problems: Problems) => ask(c, found, { form: { typed, datasets }, was: typed.was ?? '', problems })
  if (problems !== null) return again(problems)
  const { code, was, ...sent } = values
  return orAskAgain(async () => {
    await confirmWithCode(c, code)
    await editKey(c.get('desk').db, found.actor, found.key.id, changesOf(was, sent))
    return c.redirect(`/keys/${found.key.id}`, 303)
  }, again)
}

/** Where an owner changes what a key is called, may do, and from where. */
export function addEdit(app: App): void {
  app.get('/keys/:id/edit', async (c) => ask(c, await keyOf(c, 'keys.manage')))
  app.post('/keys/:id/edit', edit)
}

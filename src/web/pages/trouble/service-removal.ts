import { z } from 'zod'
import { findService, type KeyView } from '../../../database/keys/services.ts'
import { removeService } from '../../../desk/trouble/remove-service.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { keyWords } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { showPage } from '../../shown/page.ts'
import { howLongAgo, shownTimeOrNull } from '../../shown/times.ts'
import { findFates } from '../dependants/fates.ts'

const removal = z.object({
  draft: z.string(),
  confirmName: z.string().trim().min(1, 'Type the name of the service.'),
  code: z.string().optional(),
})

function keyFacts(key: KeyView, timeZone: string) {
  const used = key.versions
    .filter(({ lastUsedAt }) => lastUsedAt !== null)
    .toSorted((a, b) => Number(b.lastUsedAt) - Number(a.lastUsedAt))[0]
  const at = used?.lastUsedAt ?? null
  return {
    kindWord: keyWords(key),
    versions: key.versions.filter(({ accepted }) => accepted).map(({ last4 }) => ({ last4 })),
    useText: at === null ? 'not seen in use.' : `last used ${howLongAgo(at, new Date())},`,
    lastUsed: shownTimeOrNull(at, timeZone),
    network: used?.lastNetwork ?? null,
  }
}

function labelled(keys: readonly KeyView[]) {
  return keys.map(({ id, name }) => ({ id, label: name }))
}

async function ask(c: WebContext, id: string, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const { organisationId } = actorFor(c, 'services.remove')
  const service = await findService(c.get('desk').db, { organisationId }, id)
  if (service === undefined) throw new Refusal('NOT_FOUND')
  const refs = service.keys.flatMap(({ rotationRef }) => rotationRef ?? [])
  const { timeZone } = bearerOf(c)
  return showPage(c, 'remove-service', {
    title: `Remove ${service.name}?`,
    id,
    name: service.name,
    nameHint: `Type “${service.name}”.`,
    keys: service.keys.map((key) => keyFacts(key, timeZone)),
    refs: [...new Set(refs)],
    fates: await findFates(c, labelled(service.keys), 'delete'),
    draft: newDraft(),
    askCode: await needsCode(c),
    ...again,
  })
}

async function remove(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'services.remove')
  const { values, typed, problems } = await readForm(c, removal)
  const again = (problems: Problems) => ask(c, id, { values: typed, problems })
  if (problems !== null) return again(problems)
  const gone = async () => c.redirect('/services', 303)
  return orAskAgain(
    () =>
      oncePerDraft(
        c,
        values.draft,
        async () => {
          await confirmWithCode(c, values.code)
          await removeService(c.get('desk').db, actor, { serviceId: id, confirmName: values.confirmName })
          return gone()
        },
        gone,
      ),
    again,
  )
}

/** The page before a service goes, with what stops at once. */
export function addServiceRemoval(app: App): void {
  app.get('/services/:id/removal', (c) => ask(c, c.req.param('id')))
  app.post('/services/:id/removal', (c) => remove(c, c.req.param('id')))
}

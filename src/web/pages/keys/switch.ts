import { z } from 'zod'
import { findDependants } from '../../../database/dependants/dependants.ts'
import { setKeyEnabled } from '../../../keyring/keys/switch.ts'
import { KIND_WORDS } from '../../../rules/text/words.ts'
import { type App, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { shownFates } from '../../shown/dependants.ts'
import { stoppingVersions } from '../../shown/keys/stopping.ts'
import { showPage } from '../../shown/page.ts'
import { keyOf } from './key.ts'

const sent = z.object({ draft: z.string(), code: z.string().optional() })

async function ask(c: WebContext, enabled: boolean, problems?: Problems): Promise<Response> {
  const { key, service } = await keyOf(c, 'keys.manage')
  if (key.enabled === enabled) return c.redirect(`/keys/${key.id}`, 303)
  const dependants = enabled ? [] : await findDependants(c.get('desk').db, [key.id])
  return showPage(c, 'switch-key', {
    title: `${enabled ? 'Enable' : 'Disable'} ${key.name}?`,
    key: { id: key.id, name: key.name, kindWord: KIND_WORDS[key.kind], ref: key.rotationRef },
    service: { name: service.name, live: service.environment === 'live' },
    enabling: enabled,
    versions: stoppingVersions(key, bearerOf(c).timeZone),
    fates: shownFates(dependants, [{ id: key.id }], 'disable'),
    draft: newDraft(),
    askCode: await needsCode(c),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function turn(c: WebContext, enabled: boolean): Promise<Response> {
  const { key, actor } = await keyOf(c, 'keys.manage')
  const { values, problems } = await readForm(c, sent)
  if (problems !== null) return ask(c, enabled, problems)
  const done = async () => c.redirect(`/keys/${key.id}`, 303)
  const run = async () => {
    await confirmWithCode(c, values.code)
    await setKeyEnabled(c.get('desk').db, actor, key.id, enabled)
    return done()
  }
  return orAskAgain(
    () => oncePerDraft(c, values.draft, run, done),
    (problems) => ask(c, enabled, problems),
  )
}

/** Where an owner stops a key for a while, and lets it work again. */
export function addSwitch(app: App): void {
  app.get('/keys/:id/disabling', (c) => ask(c, false))
  app.post('/keys/:id/disabling', (c) => turn(c, false))
  app.get('/keys/:id/enabling', (c) => ask(c, true))
  app.post('/keys/:id/enabling', (c) => turn(c, true))
}

import { z } from 'zod'
import { findServices, type KeyView, type ServiceView } from '../../../database/keys/services.ts'
import { findRecoveryCase } from '../../../database/people/recovery-cases.ts'
import { stopInEmergency } from '../../../desk/trouble/emergency-stop.ts'
import { mayStopKeys } from '../../../rules/recovery.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { KIND_WORDS } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed, textsOf } from '../../forms/form.ts'
import { lastUseOf } from '../../shown/keys/service.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { howLongAgo } from '../../shown/times.ts'

const SERVICES_AT_MOST = 100

/** The case that the address names, where keys can be stopped. Refuses NOT_FOUND and ILLEGAL_MOVE. */
async function caseOf(c: WebContext) {
  const actor = actorFor(c, 'keys.emergencyRevoke')
  const recovery = await findRecoveryCase(c.get('desk').db, actor, c.req.param('id') ?? '')
  if (recovery === undefined || recovery.organisationId === null) throw new Refusal('NOT_FOUND')
  const { organisationId } = recovery
  return { ...recovery, organisationId }
}

function choice(key: KeyView, service: ServiceView, chosen: readonly string[], first: boolean) {
  const working = key.versions.filter(({ accepted }) => accepted)
  const used = lastUseOf(key)?.lastUsedAt ?? null
  const use = used === null ? 'not seen in use' : `last used ${howLongAgo(used, new Date())}`
  return {
    id: key.id,
    inputId: first ? 'keyIds' : `keyIds-${key.id}`,
    name: key.name,
    kindWord: KIND_WORDS[key.kind],
    service: service.name,
    live: service.environment === 'live',
    last4s: working.map(({ last4 }) => ({ last4 })),
    useText: key.rotationRef === null ? `${use}.` : `${use}. It is in ${key.rotationRef}.`,
    chosen: chosen.includes(key.id),
  }
}

type Again = { values: Typed; problems: Problems; chosen: readonly string[] }

async function ask(c: WebContext, again?: Again): Promise<Response> {
  const recovery = await caseOf(c)
  const { organisationId } = recovery
  const page = await findServices(c.get('desk').db, { organisationId }, { limit: SERVICES_AT_MOST })
  const working = page.items.flatMap((service) => service.keys.map((key) => ({ key, service })))
  const shown = working.filter(({ key }) => key.versions.some(({ accepted }) => accepted))
  const { chosen, ...form } = again ?? { chosen: [] }
  return showPage(c, 'emergency-stop', {
    title: 'Stop keys in an emergency',
    href: `/desk/recovery/${recovery.id}`,
    name: recovery.name,
    organisation: shownOrganisation(organisationId, recovery.organisation ?? ''),
    open: mayStopKeys(recovery),
    keys: shown.map(({ key, service }, i) => choice(key, service, chosen, i === 0)),
    askCode: await needsCode(c),
    ...form,
  })
}

const wish = z.object({
  reason: z.string().trim().min(1, 'Say why these keys have to stop, and who asked for it.'),
  sure: z.literal('yes', 'Say that these keys have to stop.'),
  code: z.string().optional(),
})

async function stop(c: WebContext): Promise<Response> {
  const { actor } = bearerOf(c)
  const { id } = await caseOf(c)
  const chosen = await textsOf(c, 'keyIds')
  const { values, typed, problems } = await readForm(c, wish)
  const again = (wrong: Problems) => ask(c, { values: typed, problems: wrong, chosen })
  const none = chosen.length === 0 ? { keyIds: 'Choose the keys to stop.' } : {}
  if (problems !== null) return again({ ...none, ...problems })
  const run = async () => {
    await confirmWithCode(c, values.code)
    await stopInEmergency(c.get('desk').db, actor, id, { keyIds: chosen, reason: values.reason })
    return c.redirect(`/desk/recovery/${id}?stopped`, 303)
  }
  return orAskAgain(run, again, { OWN_CASE: '', ILLEGAL_MOVE: '' })
}

/** Where the staff stop keys of a caller who can't do it themselves. */
export function addEmergencyStop(app: App): void {
  app.get('/desk/recovery/:id/emergency', (c) => ask(c))
  app.post('/desk/recovery/:id/emergency', stop)
}

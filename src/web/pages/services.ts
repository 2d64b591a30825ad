import { z } from 'zod'
import {
  findService,
  findServiceKeys,
  findServices,
  KEYS_WITH_SERVICE,
  type ServiceView,
} from '../../database/keys/services.ts'
import { findOrganisationNames } from '../../database/people/organisations.ts'
import { createService } from '../../keyring/services.ts'
import { roleMay } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { shortId } from '../../rules/text/foreign-text.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../forms/form.ts'
import { serviceFacts } from '../shown/keys/service.ts'
import { showPage } from '../shown/page.ts'
import { mayPickUp } from './pick-up.ts'

const AT_ONCE = 25

const ENVIRONMENTS = [
  { id: 'live', title: 'Live', live: true },
  { id: 'sandbox', title: 'Sandbox', live: false },
] as const

/** Live and sandbox under headings of their own, so that nobody takes a key of one for one of the other. */
function apart(services: readonly ReturnType<typeof serviceFacts>[]) {
  return ENVIRONMENTS.map((environment) => ({
    ...environment,
    services: services.filter(({ live }) => live === environment.live),
  })).filter((group) => group.services.length > 0)
}

async function shownServices(c: WebContext, services: readonly ServiceView[]) {
  const { organisationId, role } = actorFor(c, 'services.view')
  const { timeZone } = bearerOf(c)
  const options = {
    mayRotate: roleMay(role, 'rotations.file'),
    mayRemove: roleMay(role, 'services.remove'),
    mayManage: roleMay(role, 'keys.manage'),
    maySetPolicy: roleMay(role, 'policy.manage'),
    mayRoll: roleMay(role, 'keys.roll'),
    mayReveal: await mayPickUp(c),
    ofAll: organisationId === null,
  }
  return apart(services.map((service) => serviceFacts(service, timeZone, options)))
}

async function show(c: WebContext): Promise<Response> {
  const { organisationId, role } = actorFor(c, 'services.view')
  const page = await findServices(
    c.get('desk').db,
    { organisationId },
    { cursor: c.req.query('after'), limit: AT_ONCE },
  )
  const mayCreate = roleMay(role, 'services.create')
  return showPage(c, 'services', {
    title: 'Services and keys',
    mayCreate,
    mayReview: roleMay(role, 'reviews.carryOut'),
    emptyText: mayCreate ? 'Add the first one.' : 'An owner or the desk adds them.',
    environments: await shownServices(c, page.items),
    nextHref: page.nextCursor === null ? null : `/services?after=${encodeURIComponent(page.nextCursor)}`,
  })
}

/** All keys of a service, a page at a time, where there are more than are shown with it. */
async function findMoreKeys(c: WebContext, { id }: ServiceView) {
  if (c.req.query('keys') !== 'all') return { shown: {}, nextHref: null }
  const page = await findServiceKeys(c.get('desk').db, id, { cursor: c.req.query('after'), limit: KEYS_WITH_SERVICE })
  const after = page.nextCursor && encodeURIComponent(page.nextCursor)
  const shown = { keys: page.items, keyCount: page.items.length }
  return { shown, nextHref: after && `/services/${id}?keys=all&after=${after}` }
}

async function showOne(c: WebContext, id: string): Promise<Response> {
  const { organisationId } = actorFor(c, 'services.view')
  const { db } = c.get('desk')
  const service = await findService(db, { organisationId }, id)
  if (service === undefined) throw new Refusal('NOT_FOUND')
  const keys = await findMoreKeys(c, service)
  const justAdded = c.req.query('added') !== undefined
  return showPage(c, 'services', {
    title: justAdded ? `${service.name} was added` : service.name,
    added: justAdded,
    environments: await shownServices(c, [{ ...service, ...keys.shown }]),
    nextHref: keys.nextHref,
    allHref: '/services',
  })
}

const newService = z.object({
  organisationId: z.string().optional(),
  name: z.string().trim().min(1, 'Enter a name.').max(100, 'Use at most 100 characters.'),
  environment: z.enum(['live', 'sandbox'], 'Say whether it is live or a sandbox.'),
})

async function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const actor = actorFor(c, 'services.create')
  const chosenId = again?.values.organisationId ?? c.req.query('organisation')
  const all = actor.organisationId === null ? await findOrganisationNames(c.get('desk').db) : []
  const organisations = all.map(({ id, name }) => ({ id, name, shortId: shortId(id), chosen: id === chosenId }))
  const environment = again?.values.environment
  return showPage(c, 'new-service', {
    title: 'Add a service',
    organisations,
    environmentIsLive: environment === 'live',
    environmentIsSandbox: environment === 'sandbox',
    ...again,
  })
}

async function add(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'services.create')
  const { values, typed, problems } = await readForm(c, newService)
  if (problems !== null) return ask(c, { values: typed, problems })
  const { db, maker } = c.get('desk')
  const { organisationId, ...service } = values
  const owner = actor.organisationId === null && organisationId !== undefined ? { organisationId } : {}
  return orAskAgain(
    async () => {
      const { id } = await createService(db, maker, actor, { ...service, ...owner })
      return c.redirect(`/services/${id}?added`, 303)
    },
    (problems) => ask(c, { values: typed, problems }),
    { NAME_TAKEN: 'name', NOT_FOUND: 'organisationId' },
  )
}

export function addServices(app: App): void {
  app.get('/services/:id{svc_[0-9a-z]+}', (c) => showOne(c, c.req.param('id')))
  app.get('/services', show)
  app.get('/services/new', (c) => ask(c))
  app.post('/services', add)
}

import { findService, type ServiceView } from '../../../database/keys/services.ts'
import { findPolicy, findServicePolicies, servicePolicyOf } from '../../../database/policy.ts'
import { changePolicyOfService } from '../../../desk/policies/service-policy.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { STALE } from './desk.ts'
import { policyFields, typedOfService } from './fields.ts'
import { serviceForm } from './form.ts'

async function serviceOf(c: WebContext, id: string): Promise<ServiceView> {
  const service = await findService(c.get('desk').db, { organisationId: null }, id)
  if (service === undefined) throw new Refusal('NOT_FOUND')
  return service
}

async function show(c: WebContext, id: string, again?: { typed: Typed; problems: Problems }): Promise<Response> {
  actorFor(c, 'policy.manage')
  const { db } = c.get('desk')
  const service = await serviceOf(c, id)
  const row = (await findServicePolicies(db, [id])).get(id)
  const stale = again?.problems[''] === STALE
  const values = again === undefined || stale ? typedOfService(servicePolicyOf(row)) : again.typed
  const problems = again?.problems ?? {}
  return showPage(c, 'service-policy', {
    title: `Policy of ${service.name}`,
    name: service.name,
    live: service.environment === 'live',
    href: `/services/${id}`,
    organisation: shownOrganisation(service.organisationId, service.organisationName),
    action: `/desk/policies/${id}`,
    done:
      c.req.query('done') === undefined
        ? null
        : 'The policy of this service is changed, for what is filed from now on.',
    revision: row?.revision ?? 0,
    ...policyFields({ values, problems, desk: await findPolicy(db) }),
    askCode: await needsCode(c),
    ...(again === undefined ? {} : { problems }),
  })
}

async function change(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'policy.manage')
  await serviceOf(c, id)
  const { values, typed, problems } = await readForm(c, serviceForm)
  if (problems !== null) return show(c, id, { typed, problems })
  const { code, revision, ...changes } = values
  return orAskAgain(
    async () => {
      await confirmWithCode(c, code)
      await changePolicyOfService(c.get('desk').db, actor, id, changes, revision)
      return c.redirect(`/desk/policies/${id}?done`, 303)
    },
    (problems) => show(c, id, { typed, problems: 'stale' in problems ? { '': STALE } : problems }),
    { STALE_REVISION: 'stale' },
  )
}

export function addServicePolicy(app: App): void {
  app.get('/desk/policies/:id', (c) => show(c, c.req.param('id')))
  app.post('/desk/policies/:id', (c) => change(c, c.req.param('id')))
}

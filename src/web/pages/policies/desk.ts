import { deskPolicyOf, findOwnPolicies, findPolicy, servicePolicyOf } from '../../../database/policy.ts'
import { changePolicy } from '../../../desk/policies/desk-policy.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { ownWords } from '../../shown/policy-words.ts'
import { deskFields, policyFields, typedOf } from './fields.ts'
import { deskForm } from './form.ts'

const AT_ONCE = 50
/** Somebody else was first: what they made of it is shown, and not what was typed over it. */
export const STALE = 'Somebody changed it since you opened it. This is how it is now; make your change again.'

async function ownOnes(c: WebContext) {
  const page = await findOwnPolicies(c.get('desk').db, { cursor: c.req.query('after'), limit: AT_ONCE })
  return {
    services: page.items.map(({ service, ...row }) => ({
      href: `/desk/policies/${service.id}`,
      name: service.name,
      live: service.environment === 'live',
      organisation: shownOrganisation(service.organisationId, service.organisationName),
      words: ownWords(servicePolicyOf(row)),
    })),
    nextHref: page.nextCursor === null ? null : `/desk/policies?after=${encodeURIComponent(page.nextCursor)}`,
  }
}

async function show(c: WebContext, again?: { typed: Typed; problems: Problems }): Promise<Response> {
  actorFor(c, 'policy.manage')
  const row = await findPolicy(c.get('desk').db)
  const stale = again?.problems[''] === STALE
  const values = again === undefined || stale ? typedOf(deskPolicyOf(row)) : again.typed
  const problems = again?.problems ?? {}
  const shown = { values, problems, desk: null }
  return showPage(c, 'policies', {
    title: 'Policies',
    done: c.req.query('done') === undefined ? null : 'The policy is changed, for what is filed from now on.',
    revision: row.revision,
    ...policyFields(shown),
    deskFields: deskFields(shown),
    askCode: await needsCode(c),
    ...(await ownOnes(c)),
    ...(again === undefined ? {} : { problems }),
  })
}

async function change(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'policy.manage')
  const { values, typed, problems } = await readForm(c, deskForm)
  if (problems !== null) return show(c, { typed, problems })
  const { code, revision, ...changes } = values
  return orAskAgain(
    async () => {
      await confirmWithCode(c, code)
      await changePolicy(c.get('desk').db, actor, changes, revision)
      return c.redirect('/desk/policies?done', 303)
    },
    (problems) => show(c, { typed, problems: 'stale' in problems ? { '': STALE } : problems }),
    { STALE_REVISION: 'stale' },
  )
}

export function addDeskPolicies(app: App): void {
  app.get('/desk/policies', (c) => show(c))
  app.post('/desk/policies', change)
}

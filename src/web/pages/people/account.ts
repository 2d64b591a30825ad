import { z } from 'zod'
import { findPersonView, type PersonView } from '../../../database/people/places.ts'
import { disablePerson, enablePerson, unlockAccount } from '../../../identity/members/accounts.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { newDraft } from '../../forms/once.ts'
import { showPage } from '../../shown/page.ts'

const sent = z.object({ draft: z.string(), code: z.string().optional() })

type Deed = {
  before: string
  lead: string
  button: string
  danger: boolean
  /** Whether there is still something to do. */
  isOpen: (person: PersonView) => boolean
  run: typeof unlockAccount
}

/** What an admin does to an account, by the last part of its address. */
const DEEDS = {
  unlocking: {
    before: 'Unlock the account of ',
    lead: 'They sign in again with the password and code device they have. First make sure that it was them who sent the wrong codes; if it wasn’t, somebody knows their password, and they should choose another one at once.',
    button: 'Unlock the account',
    danger: false,
    isOpen: ({ lockedAt }) => lockedAt !== null,
    run: unlockAccount,
  },
  disabling: {
    before: 'Disable the account of ',
    lead: 'Their sessions and API tokens end at once, in every organisation, and they can’t sign in. An organisation whose only owner they are has none then.',
    button: 'Disable the account',
    danger: true,
    isOpen: ({ disabledAt }) => disabledAt === null,
    run: disablePerson,
  },
  enabling: {
    before: 'Enable the account of ',
    lead: 'They sign in again with the password and code device they had, and have every role that they still have. Their old API tokens stay void.',
    button: 'Enable the account',
    danger: false,
    isOpen: ({ disabledAt }) => disabledAt !== null,
    run: enablePerson,
  },
} as const satisfies Record<string, Deed>
type DeedName = keyof typeof DEEDS

async function personOf(c: WebContext): Promise<PersonView> {
  actorFor(c, 'staff.manage')
  const person = await findPersonView(c.get('desk').db, c.req.param('id') ?? '')
  if (person === undefined) throw new Refusal('NOT_FOUND')
  return person
}

async function ask(c: WebContext, deed: DeedName, problems?: Problems): Promise<Response> {
  const person = await personOf(c)
  const { before, lead, button, danger, isOpen } = DEEDS[deed]
  const personHref = `/people/${person.personId}`
  if (!isOpen(person)) return c.redirect(personHref, 303)
  return showPage(c, 'confirm', {
    title: button,
    before,
    name: person.name,
    lead,
    action: `${personHref}/${deed}`,
    button,
    danger,
    backHref: personHref,
    backLabel: person.name,
    draft: newDraft(),
    askCode: await needsCode(c),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function carryOut(c: WebContext, deed: DeedName): Promise<Response> {
  const actor = actorFor(c, 'staff.manage')
  const person = await personOf(c)
  const done = () => c.redirect(`/people/${person.personId}`, 303)
  // Sent twice, it is done already.
  if (!DEEDS[deed].isOpen(person)) return done()
  const { values, problems } = await readForm(c, sent)
  if (problems !== null) return ask(c, deed, problems)
  const run = async () => {
    await confirmWithCode(c, values.code)
    await DEEDS[deed].run(c.get('desk').db, actor, person.personId)
    return done()
  }
  return orAskAgain(run, (wrong) => ask(c, deed, wrong), { LAST_ADMIN: '' })
}

/** Admins unlock, disable and enable accounts. */
export function addAccountDeeds(app: App): void {
  app.get('/people/:id/unlocking', (c) => ask(c, 'unlocking'))
  app.post('/people/:id/unlocking', (c) => carryOut(c, 'unlocking'))
  app.get('/people/:id/disabling', (c) => ask(c, 'disabling'))
  app.post('/people/:id/disabling', (c) => carryOut(c, 'disabling'))
  app.get('/people/:id/enabling', (c) => ask(c, 'enabling'))
  app.post('/people/:id/enabling', (c) => carryOut(c, 'enabling'))
}

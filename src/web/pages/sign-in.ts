import { z } from 'zod'
import { findMemberships, findPerson, findWhetherAdminExists } from '../../database/people/people.ts'
import { beginSignIn, chooseMembership, finishSignIn, signOut } from '../../identity/sign-in/sign-in.ts'
import { roleMay } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { shortId } from '../../rules/text/foreign-text.ts'
import { ROLE_WORDS } from '../../rules/text/words.ts'
import { type App, bearerOf, type WebContext } from '../context.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../forms/form.ts'
import { ownPath } from '../security.ts'
import { clearSession, sessionTokenOf, setSession } from '../session-cookie.ts'
import { showPage } from '../shown/page.ts'

const credentials = z.object({
  email: z.string().trim().min(1, 'Enter your email address.'),
  password: z.string().min(1, 'Enter your password.'),
})
const code = z.object({ code: z.string().trim().min(1, 'Enter the 6 digits that your authenticator app shows now.') })
const choice = z.object({ organisationId: z.string() })
/** Stands for acting as staff where an organisation's id would be. */
const STAFF = 'staff'

function askForPassword(c: WebContext, next: string, again?: { values: Typed; problems: Problems }): Promise<Response> {
  return showPage(c, 'sign-in', { title: 'Sign in', next, ...again })
}

function askForCode(c: WebContext, next: string, problems?: Problems): Promise<Response> {
  return showPage(c, 'sign-in-code', { title: 'Enter your code', next, ...(problems ? { problems } : {}) })
}

async function begin(c: WebContext): Promise<Response> {
  const { values, typed, problems } = await readForm(c, credentials)
  const next = ownPath(typed.next)
  if (problems !== null) return askForPassword(c, next, { values: typed, problems })
  const origin = { network: c.get('address'), userAgent: c.req.header('user-agent') ?? '' }
  return orAskAgain(
    async () => {
      const { sessionToken } = await beginSignIn(c.get('desk').db, { ...values, ...origin })
      setSession(c, sessionToken)
      return c.redirect(`/sign-in/code?next=${encodeURIComponent(next)}`, 303)
    },
    (problems) => askForPassword(c, next, { values: typed, problems }),
    { NOT_AUTHENTICATED: 'email', TOO_MANY_REQUESTS: 'email' },
  )
}

async function finish(c: WebContext): Promise<Response> {
  const { values, typed, problems } = await readForm(c, code)
  const next = ownPath(typed.next)
  const sessionToken = sessionTokenOf(c)
  if (c.get('bearer')?.complete !== false || sessionToken === undefined) return c.redirect('/sign-in', 303)
  if (problems !== null) return askForCode(c, next, problems)
  const { db, sealer } = c.get('desk')
  return orAskAgain(
    async () => {
      const renewed = await finishSignIn(db, sealer, sessionToken, values.code)
      setSession(c, renewed.sessionToken)
      return c.redirect(next, 303)
    },
    (problems) => askForCode(c, next, problems),
  )
}

async function showChoice(c: WebContext): Promise<Response> {
  const { actor } = bearerOf(c)
  const { db } = c.get('desk')
  const memberships = await findMemberships(db, actor.personId)
  const person = await findPerson(db, actor.personId)
  const organisations = memberships.map(({ organisationId, organisation, role }) => ({
    id: organisationId,
    name: organisation,
    shortId: shortId(organisationId),
    roleWord: ROLE_WORDS[role],
    chosen: organisationId === actor.organisationId,
  }))
  const staffRole = person?.staffRole ?? null
  const desk =
    staffRole === null ? null : { id: STAFF, roleWord: ROLE_WORDS[staffRole], chosen: actor.organisationId === null }
  return showPage(c, 'choose-organisation', { title: 'Act for', organisations, desk })
}

async function choose(c: WebContext): Promise<Response> {
  bearerOf(c)
  const { values } = await readForm(c, choice)
  const sessionToken = sessionTokenOf(c)
  if (values === null || sessionToken === undefined) throw new Refusal('NOT_FOUND')
  const organisationId = values.organisationId === STAFF ? null : values.organisationId
  const renewed = await chooseMembership(c.get('desk').db, sessionToken, organisationId)
  setSession(c, renewed.sessionToken)
  return c.redirect('/', 303)
}

/** Where a person begins: staff at the queue, members at their rotations, nobody yet at the set-up. */
async function start(c: WebContext): Promise<Response> {
  const bearer = c.get('bearer')
  if (!bearer?.complete) return c.redirect('/sign-in', 303)
  return c.redirect(roleMay(bearer.actor.role, 'rotations.decide') ? '/queue' : '/rotations', 303)
}

export function addSignIn(app: App): void {
  app.get('/', start)
  app.get('/sign-in', async (c) => {
    if (c.get('bearer')?.complete) return c.redirect('/', 303)
    if (!(await findWhetherAdminExists(c.get('desk').db))) return c.redirect('/set-up', 303)
    return askForPassword(c, ownPath(c.req.query('next')))
  })
  app.post('/sign-in', begin)
  app.get('/sign-in/code', async (c) => {
    const waiting = c.get('bearer')?.complete === false
    return waiting ? askForCode(c, ownPath(c.req.query('next'))) : c.redirect('/sign-in', 303)
  })
  app.post('/sign-in/code', finish)
  app.get('/choose-organisation', showChoice)
  app.post('/choose-organisation', choose)
  app.post('/sign-out', async (c) => {
    const sessionToken = sessionTokenOf(c)
    if (sessionToken !== undefined) await signOut(c.get('desk').db, sessionToken)
    clearSession(c)
    return c.redirect('/sign-in', 303)
  })
}

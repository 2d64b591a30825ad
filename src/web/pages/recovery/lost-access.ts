import { z } from 'zod'
import { LOST_ACCESS } from '../../../identity/recovery/challenge.ts'
import { confirmAccessRequest, findAccessRequest, requestAccess } from '../../../identity/recovery/request.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { challengeSecret, newChallenge } from '../../../secrets/challenge.ts'
import type { App, WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'

const lost = z.object({
  email: z.string().trim().min(1, 'Enter your email address.'),
  organisation: z.string().trim().max(100, 'Use at most 100 characters.'),
  altcha: z.string().max(4_000).optional(),
})

const FIELDS = { TOO_MANY_REQUESTS: 'email', CHALLENGE_REJECTED: '' }

/** A proof of work for the widget on the page; a new one each time, and none is remembered. */
async function challenge(c: WebContext): Promise<Response> {
  const secret = challengeSecret(c.get('desk').config.masterKey)
  return c.json(await newChallenge(secret, LOST_ACCESS, new Date()))
}

function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  return showPage(c, 'lost-access', { title: 'Lost access', ...again })
}

async function request(c: WebContext): Promise<Response> {
  const { values, typed, problems } = await readForm(c, lost)
  if (problems !== null) return ask(c, { values: typed, problems })
  const run = async () => {
    const { db, config } = c.get('desk')
    const { altcha: solution = '', ...rest } = values
    const proof = solution === '' ? null : { secret: challengeSecret(config.masterKey), solution }
    await requestAccess(db, { ...rest, network: c.get('address'), proof })
    return c.redirect('/lost-access/sent', 303)
  }
  return orAskAgain(run, (wrong) => ask(c, { values: typed, problems: wrong }), FIELDS)
}

async function showLink(c: WebContext): Promise<Response> {
  const token = c.req.param('token') ?? ''
  const found = await findAccessRequest(c.get('desk').db, token)
  if (found === null) throw new Refusal('RESET_VOID')
  return showPage(c, 'lost-access-link', { title: 'Was it you?', action: `/lost-access/${token}`, email: found.email })
}

async function confirm(c: WebContext): Promise<Response> {
  await confirmAccessRequest(c.get('desk').db, c.req.param('token') ?? '')
  return showPage(c, 'lost-access-next', { title: 'What happens next' })
}

/** For whoever can't sign in. No answer tells whether an address is known. */
export function addLostAccess(app: App): void {
  app.get('/lost-access', (c) => ask(c))
  app.post('/lost-access', request)
  app.get('/lost-access/sent', (c) => showPage(c, 'lost-access-sent', { title: 'Look at your email' }))
  app.get('/lost-access/challenge', challenge)
  app.get('/lost-access/:token', showLink)
  app.post('/lost-access/:token', confirm)
}

import { findPerson } from '../../../database/people/people.ts'
import { countRecoveryCodes, findAwaitedEmail } from '../../../database/people/proofs.ts'
import { findSessions } from '../../../database/people/sessions.ts'
import { endSessions } from '../../../identity/account/session-list.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { count } from '../../../rules/text/words.ts'
import { type App, bearerOf, type WebContext } from '../../context.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime, shownTimeOrNull } from '../../shown/times.ts'
import { browserName } from '../../shown/user-agent.ts'
import { wouldBeHeld } from './held.ts'

const DONE = {
  password: 'Your password is changed. Other sessions are signed out.',
  email: 'Open the link in the letter to your new address to finish. Until then the old one stays.',
  'code-device':
    'Your code device is replaced. The old one’s codes are refused from now on, and other sessions are signed out.',
  sessions: 'Signed out.',
} as const

function doneWords(c: WebContext): string | null {
  const done = c.req.query('done') ?? ''
  return new Map<string, string>(Object.entries(DONE)).get(done) ?? null
}

async function shownSessions(c: WebContext) {
  const { id: own, actor, timeZone } = bearerOf(c)
  const sessions = await findSessions(c.get('desk').db, actor.personId)
  return sessions.map(({ id, network, userAgent, createdAt, lastSeenAt }) => ({
    id,
    network,
    browser: browserName(userAgent),
    createdAt: shownTime(createdAt, timeZone),
    lastSeenAt: shownTime(lastSeenAt, timeZone),
    own: id === own,
  }))
}

async function show(c: WebContext): Promise<Response> {
  const { actor, timeZone } = bearerOf(c)
  const { db } = c.get('desk')
  const person = await findPerson(db, actor.personId)
  if (person === undefined) throw new Refusal('NOT_AUTHENTICATED')
  const sessions = await shownSessions(c)
  const awaited = await findAwaitedEmail(db, person.id)
  const left = await countRecoveryCodes(db, person.id)
  return showPage(c, 'security', {
    title: 'My security',
    held: wouldBeHeld(c),
    done: doneWords(c),
    email: person.email,
    awaitedEmail: awaited?.email ?? null,
    awaitedUntil: shownTimeOrNull(awaited?.expiresAt ?? null, timeZone),
    passwordChangedAt: shownTimeOrNull(person.passwordChangedAt, timeZone),
    codeChangedAt: shownTimeOrNull(person.codeChangedAt, timeZone),
    codesLeft: left === 0 ? null : count(left, 'code'),
    fewCodes: left < 3,
    sessions,
    others: sessions.length > 1,
  })
}

async function end(c: WebContext, which: { id: string } | 'others'): Promise<Response> {
  const bearer = bearerOf(c)
  await endSessions(c.get('desk').db, bearer, which)
  return c.redirect('/account/security?done=sessions', 303)
}

/** What an account rests on, each with the way to change it, and where its person is signed in. */
export function addSecurity(app: App): void {
  app.get('/account/security', show)
  app.post('/account/sessions/others/end', (c) => end(c, 'others'))
  app.post('/account/sessions/:id/end', (c) => end(c, { id: c.req.param('id') }))
}

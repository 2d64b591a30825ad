import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { REFUSALS, type Refusal, type RefusalCode } from '../../rules/refusals.ts'
import type { WebContext } from '../context.ts'
import { showPage, showPlainPage } from './page.ts'

const NOTHING_SAVED = 'Nothing was saved or changed.'
const UNSURE = 'We can’t say whether it was saved. Look before you try again.'

const NOT_THERE = 'The address is not right, or what it names is not yours to see.'

const TITLES: Partial<Record<RefusalCode, string>> = {
  NOT_FOUND: 'There is nothing here',
  NOT_ALLOWED: 'You may not do this',
  OWN_ROTATION: 'Somebody else has to decide this',
  FOREIGN_ORIGIN: 'This page was open too long',
  NOT_AUTHENTICATED: 'You are not signed in any more',
  ILLEGAL_MOVE: 'That can’t be done now',
  STALE_REVISION: 'It changed while you were reading',
  ALREADY_APPROVED: 'You have approved it already',
  ALREADY_REVEALED: 'This key was shown already',
  INVITATION_VOID: 'This invitation can’t be used any more',
  RESET_VOID: 'This link can’t be used any more',
  SET_UP_VOID: 'This desk is set up already',
  TOO_MANY_REQUESTS: 'Too many tries',
  CODE_LOCKED: 'Too many wrong codes',
  UNAVAILABLE: 'The desk is not available right now',
  TOO_SLOW: 'That took too long',
  INTERNAL: 'Something went wrong on our side',
}

const NOW_WHAT: Partial<Record<RefusalCode, string>> = {
  NOT_FOUND: 'Check the address, or begin from the start page.',
  NOT_ALLOWED: 'Ask an owner of your organisation, or go back.',
  FOREIGN_ORIGIN: 'Open the page again and send the form once more.',
  NOT_AUTHENTICATED: 'Sign in and do it again.',
  ILLEGAL_MOVE: 'Look at how things stand now.',
  INVITATION_VOID: 'Ask whoever invited you for a new one, or sign in if you have used it.',
  RESET_VOID: 'Begin again: links work once, and for a short time.',
  TOO_MANY_REQUESTS: 'Wait a little, then try again.',
  CODE_LOCKED: 'Wait 15 minutes, then try again.',
  UNAVAILABLE: 'Keys that are due to stop do stop meanwhile. Try again in a moment.',
  TOO_SLOW: 'Wait a little, then look whether it was done.',
  INTERNAL: 'Try again. If it stays, tell support the reference below.',
}

/** What the same address answers the same person again. */
const STAYS_REFUSED: ReadonlySet<RefusalCode> = new Set(['NOT_FOUND', 'NOT_ALLOWED', 'OWN_ROTATION', 'SET_UP_VOID'])

/** Where the call went, still escaped and under one `/`: a link to `//host` would lead to another site. */
function ownAddress(c: WebContext): string {
  return new URL(c.req.url).pathname.replace(/^\/+/, '/')
}

/** An address that a new page can begin from; a form that was refused can't be sent again by a link. */
function wayOn(c: WebContext, code: RefusalCode) {
  if (code === 'NOT_AUTHENTICATED' || code === 'INVITATION_VOID' || code === 'RESET_VOID')
    return { href: '/sign-in', label: 'Sign in' }
  if (c.req.method === 'GET' && !STAYS_REFUSED.has(code)) return { href: ownAddress(c), label: 'Try again' }
  return { href: '/', label: 'Go to the start page' }
}

function factsOf(c: WebContext, refusal: Refusal, status: number) {
  const { code } = refusal
  const changing = c.req.method !== 'GET'
  return {
    title: TITLES[code] ?? REFUSALS[code].replace(/\.$/, ''),
    status,
    happened: refusal.message === REFUSALS.NOT_FOUND ? NOT_THERE : refusal.message,
    // A commit may have gone through though its answer was lost.
    saved: changing && status >= 500 ? UNSURE : NOTHING_SAVED,
    nowWhat: NOW_WHAT[code] ?? 'Go back and look again.',
    primary: wayOn(c, code),
    reference: c.get('requestId'),
  }
}

/** What happened, whether anything was saved, what now, and a reference that the log has too. */
export async function showError(c: WebContext, refusal: Refusal, status: ContentfulStatusCode): Promise<Response> {
  const facts = factsOf(c, refusal, status)
  if (status >= 500) return showPlainPage(c, 'error', facts, status)
  return showPage(c, 'error', facts, status)
}

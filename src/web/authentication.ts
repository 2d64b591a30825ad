import { timingSafeEqual } from 'node:crypto'
import { createMiddleware } from 'hono/factory'
import { findSessionBearer, findTokenBearer } from '../identity/sign-in/bearers.ts'
import { Refusal } from '../rules/refusals.ts'
import type { Web, WebContext } from './context.ts'
import { isApiPath } from './errors.ts'
import { sessionTokenOf } from './session-cookie.ts'

/** The token of `Authorization: Bearer …` (RFC 6750), or undefined. */
export function bearerToken(c: WebContext): string | undefined {
  return /^Bearer +([\w.~+/-]+=*) *$/i.exec(c.req.header('authorization') ?? '')?.[1]
}

/**
 * Finds whose call it is. A token counts alone: when it is not good, the session beside it is not tried. Pages know
 * sessions only; there the header may be for a proxy on the way.
 */
export const authenticate = createMiddleware<Web>(async (c, next) => {
  const { db } = c.get('desk')
  if (isApiPath(c.req.path) && c.req.header('authorization') !== undefined) {
    const token = bearerToken(c)
    c.set('bearer', token === undefined ? null : await findTokenBearer(db, token, c.get('address')))
    return next()
  }
  const session = sessionTokenOf(c)
  // What a page refreshes by itself doesn't keep its reader signed in.
  const passive = c.req.header('hx-request') === 'true'
  c.set('bearer', session === undefined ? null : await findSessionBearer(db, session, passive))
  return next()
})

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

async function sentFormToken(c: WebContext): Promise<string> {
  try {
    const sent = (await c.req.formData()).get('formToken')
    return typeof sent === 'string' ? sent : ''
  } catch {
    // No form at all, or a broken one: it carries no token either.
    return ''
  }
}

/** For pages: whatever a signed-in person posts must be a form that carries the token of their session. */
export const ownForm = createMiddleware<Web>(async (c, next) => {
  const expected = c.get('bearer')?.formToken ?? null
  if (c.req.method !== 'POST' || isApiPath(c.req.path) || expected === null) return next()
  if (!sameText(await sentFormToken(c), expected)) throw new Refusal('FOREIGN_ORIGIN')
  return next()
})

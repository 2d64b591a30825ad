import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { WebContext } from './context.ts'

// Browsers take Secure and `__Host-` cookies from loopback addresses over http too, so that one name serves everywhere.
export const SESSION_COOKIE = '__Host-rekey'
const OPTIONS = { path: '/', secure: true, httpOnly: true, sameSite: 'Lax' } as const

/** The session's token as the browser sent it, or undefined. */
export function sessionTokenOf(c: WebContext): string | undefined {
  return getCookie(c, SESSION_COOKIE)
}

/** Gives the browser a session until it is closed; the database ends it earlier. */
export function setSession(c: WebContext, token: string): void {
  setCookie(c, SESSION_COOKIE, token, OPTIONS)
}

export function clearSession(c: WebContext): void {
  deleteCookie(c, SESSION_COOKIE, OPTIONS)
}

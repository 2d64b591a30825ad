import { createMiddleware } from 'hono/factory'
import { Refusal } from '../rules/refusals.ts'
import type { Web, WebContext } from './context.ts'
import { isApiPath, prefersHtml } from './errors.ts'
import { sessionTokenOf } from './session-cookie.ts'

export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/** On every answer, whatever its status; a handler that sets one of them itself keeps its own. */
export const SECURITY_HEADERS: readonly [string, string][] = [
  ['content-security-policy', CONTENT_SECURITY_POLICY],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'same-origin'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'],
  ['cache-control', 'no-store'],
]
const TWO_YEARS_SECONDS = 63_072_000

const STRICT_TRANSPORT: [string, string] = [
  'strict-transport-security',
  `max-age=${TWO_YEARS_SECONDS}; includeSubDomains`,
]

export const securityHeaders = createMiddleware<Web>(async (c, next) => {
  const secure = c.get('desk').config.publicUrl.startsWith('https:')
  const headers = [...SECURITY_HEADERS, ...(secure ? [STRICT_TRANSPORT] : [])]
  headers.push(['x-request-id', c.get('requestId')])
  for (const [name, value] of headers) c.header(name, value)
  await next()
  // An answer that was not made through the context knows nothing of them.
  for (const [name, value] of headers) {
    if (!c.res.headers.has(name)) c.header(name, value)
  }
})

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']
// Probes come by address, from a balancer that knows no name of ours; they tell nothing and change nothing.
const PROBES = ['/healthz', '/readyz']

function isLoopbackAlias(host: string, publicUrl: URL): boolean {
  const port = publicUrl.port === '' ? '' : `:${publicUrl.port}`
  return LOOPBACK.includes(publicUrl.hostname) && LOOPBACK.some((name) => host === name + port)
}

/**
 * Answers to the host of `PUBLIC_URL` alone (ASVS 5.0, 4.1.3). On a machine of one's own the other loopback names are
 * taken too; a page asked for under one of them is sent to `PUBLIC_URL`, where the cookie and the Origin check belong.
 */
export const knownHost = createMiddleware<Web>(async (c, next) => {
  const publicUrl = new URL(c.get('desk').config.publicUrl)
  const host = (c.req.header('host') ?? '').toLowerCase()
  if (host === publicUrl.host || PROBES.includes(c.req.path)) return next()
  if (!isLoopbackAlias(host, publicUrl)) throw new Refusal('UNKNOWN_HOST')
  if (c.req.method !== 'GET' || isApiPath(c.req.path) || !prefersHtml(c)) return next()
  return c.redirect(publicUrl.origin + ownPath(c.req.path + new URL(c.req.url).search), 302)
})

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

function cameFromElsewhere(c: WebContext): boolean {
  const origin = c.req.header('origin')
  const site = c.req.header('sec-fetch-site')
  if (site !== undefined && site !== 'same-origin') return true
  if (origin !== undefined) return origin !== c.get('desk').config.publicUrl
  if (site !== undefined) return false
  const hasToken = isApiPath(c.req.path) && c.req.header('authorization') !== undefined
  return sessionTokenOf(c) !== undefined && !hasToken
}

/**
 * Refuses every unsafe call that another site may have caused, whatever its content type. Browsers send Origin with
 * each of these; a call with neither Origin nor Sec-Fetch-Site comes from a program, which has a token and no session.
 */
export const ownOrigin = createMiddleware<Web>(async (c, next) => {
  if (!SAFE_METHODS.includes(c.req.method) && cameFromElsewhere(c)) throw new Refusal('FOREIGN_ORIGIN')
  return next()
})

/**
 * A path of this desk, for redirects: one leading `/`; anything else (`//host`, `/\host`, control characters) becomes
 * `/`.
 */
export function ownPath(path: string | undefined): string {
  const isOwn = path !== undefined && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path)
  return isOwn ? path : '/'
}

import type { ErrorHandler, NotFoundHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { isUnreachable } from '../database/unreachable.ts'
import { errorFields } from '../log.ts'
import { REFUSALS, Refusal, type RefusalCode } from '../rules/refusals.ts'
import type { Web, WebContext } from './context.ts'
import { showError } from './shown/error.ts'

/** The one place that turns refusals into HTTP. */
export const STATUS = {
  INVALID_REQUEST: 400,
  NOT_AUTHENTICATED: 401,
  CODE_REJECTED: 401,
  NOT_ALLOWED: 403,
  STEP_UP_REQUIRED: 403,
  FOREIGN_ORIGIN: 403,
  OWN_ROTATION: 403,
  OWN_CASE: 403,
  NOT_IN_SCOPE: 403,
  ON_HOLD: 403,
  NOT_FOUND: 404,
  SIGNATURE_REJECTED: 403,
  NOT_FROM_HERE: 403,
  METHOD_NOT_ALLOWED: 405,
  STALE_REVISION: 409,
  ILLEGAL_MOVE: 409,
  ROTATION_IN_PROGRESS: 409,
  ALREADY_APPROVED: 409,
  ASSIGNED_MEANWHILE: 409,
  NO_KEYS: 409,
  NAME_TAKEN: 409,
  ALREADY_MEMBER: 409,
  NOT_SELF_SERVICE: 409,
  TOO_MANY_KEYS: 409,
  LAST_OWNER: 409,
  LAST_ADMIN: 409,
  CASE_OPEN: 409,
  COOLING_OFF: 409,
  IDEMPOTENCY_BUSY: 409,
  ALREADY_REVEALED: 410,
  INVITATION_VOID: 410,
  SET_UP_VOID: 410,
  RESET_VOID: 410,
  NOT_SEALED: 410,
  TOO_LARGE: 413,
  UNKNOWN_HOST: 421,
  START_TOO_FAR: 422,
  EXPIRES_IN_OVERLAP: 422,
  CONTAINS_SECRET: 422,
  OVERLAP_TOO_LONG: 422,
  COOLDOWN_TOO_LONG: 422,
  RECIPIENT_REFUSED: 422,
  CHALLENGE_REJECTED: 422,
  ADDRESS_REFUSED: 422,
  IDEMPOTENCY_MISMATCH: 422,
  CODE_LOCKED: 429,
  TOO_MANY_REQUESTS: 429,
  INTERNAL: 500,
  SECRET_UNAVAILABLE: 503,
  UNAVAILABLE: 503,
  TOO_SLOW: 503,
} as const satisfies Record<RefusalCode, ContentfulStatusCode>

const RETRY_AFTER_SECONDS: Partial<Record<RefusalCode, number>> = {
  IDEMPOTENCY_BUSY: 1,
  CODE_LOCKED: 900,
  TOO_MANY_REQUESTS: 60,
  UNAVAILABLE: 2,
  TOO_SLOW: 5,
}

/** Paths that programs call; they answer problems, never pages. */
export function isApiPath(path: string): boolean {
  return /^\/(v1(\/|$)|healthz$|readyz$|metrics$|openapi\.json$)/.test(path)
}

export function prefersHtml(c: WebContext): boolean {
  return (c.req.header('accept') ?? '').includes('text/html')
}

/** The refusal as `application/problem+json` (RFC 9457). `instance` names the request; the log has the same id. */
function problem(c: WebContext, refusal: Refusal): Response {
  const status = STATUS[refusal.code]
  const body = {
    type: 'about:blank',
    title: REFUSALS[refusal.code],
    status,
    detail: refusal.message,
    instance: `urn:uuid:${c.get('requestId')}`,
    code: refusal.code,
    ...(refusal.errors.length > 0 ? { errors: refusal.errors } : {}),
  }
  return c.body(JSON.stringify(body), status, { 'content-type': 'application/problem+json' })
}

/** A client that goes away within its body; the database's lost connections have the same code, with other words. */
function wasCutByClient(error: Error): boolean {
  return error.message === 'aborted' && 'code' in error && error.code === 'ECONNRESET'
}

/** What an error means to the caller; its own text stays inside. */
function refusalOf(error: Error): Refusal {
  if (error instanceof Refusal) return error
  if (wasCutByClient(error)) return new Refusal('INVALID_REQUEST')
  if (isUnreachable(error)) return new Refusal('UNAVAILABLE')
  if (error instanceof HTTPException && error.status === 400) {
    return new Refusal('INVALID_REQUEST', { errors: [{ pointer: '', message: 'This is not well-formed.' }] })
  }
  return new Refusal('INTERNAL')
}

async function page(c: WebContext, refusal: Refusal): Promise<Response> {
  if (refusal.code === 'NOT_AUTHENTICATED' && c.req.method === 'GET') {
    const wanted = c.req.path + new URL(c.req.url).search
    const signIn = wanted === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(wanted)}`
    if (c.req.header('hx-request') === undefined) return c.redirect(signIn, 303)
    // A page that refreshes a part of itself has to go there as a whole.
    c.header('hx-redirect', signIn)
    return c.body(null, 401)
  }
  try {
    return await showError(c, refusal, STATUS[refusal.code])
  } catch (error) {
    // The page names who looks, which the database may not tell right now.
    c.get('desk').log.warn({ event: 'request.no_error_page', requestId: c.get('requestId'), ...errorFields(error) })
    return problem(c, refusal)
  }
}

/** Answers a refusal in the caller's form: a page for a browser, a problem for a program. */
export async function refuse(c: WebContext, refusal: Refusal): Promise<Response> {
  const seconds = refusal.retryAfterSeconds ?? RETRY_AFTER_SECONDS[refusal.code]
  if (seconds !== undefined) c.header('retry-after', String(seconds))
  if (STATUS[refusal.code] === 401 && isApiPath(c.req.path)) c.header('www-authenticate', 'Bearer realm="Rekey"')
  return isApiPath(c.req.path) || !prefersHtml(c) ? problem(c, refusal) : page(c, refusal)
}

export const onError: ErrorHandler<Web> = (error, c) => {
  const refusal = refusalOf(error)
  const { log } = c.get('desk')
  const about = { requestId: c.get('requestId'), ...errorFields(error) }
  if (refusal.code === 'INTERNAL') log.error({ event: 'request.failed', ...about })
  if (refusal.code === 'UNAVAILABLE') log.warn({ event: 'request.database_away', ...about })
  return refuse(c, refusal)
}

export const onNotFound: NotFoundHandler<Web> = (c) => refuse(c, new Refusal('NOT_FOUND'))

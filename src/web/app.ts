import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { matchedRoutes } from 'hono/route'
import { Refusal } from '../rules/refusals.ts'
import { findAddress } from './address.ts'
import { addApi } from './api/routes.ts'
import { loadAssets } from './assets.ts'
import { authenticate, ownForm } from './authentication.ts'
import type { App, Desk, Web, WebContext } from './context.ts'
import { onError, onNotFound, refuse } from './errors.ts'
import { allowLongUpload } from './long-uploads.ts'
import { addPages } from './pages/routes.ts'
import { knownHost, ownOrigin, securityHeaders } from './security.ts'
import { createViews, type Views } from './views.ts'

const MAX_BODY_BYTES = 65_536
const TIME_LIMIT_MILLISECONDS = 15_000

/** The pattern and never the path, which may carry a token. */
function routeOf(c: WebContext): string {
  return matchedRoutes(c).findLast((route) => route.path !== '/*')?.path ?? 'none'
}

function begin(desk: Desk, views: Views) {
  return createMiddleware<Web>(async (c, next) => {
    c.set('desk', desk)
    c.set('views', views)
    c.set('requestId', randomUUID())
    c.set('bearer', null)
    const start = performance.now()
    await next()
    desk.log.info({
      event: 'request',
      requestId: c.get('requestId'),
      method: c.req.method,
      route: routeOf(c),
      status: c.res.status,
      milliseconds: Math.round(performance.now() - start),
      address: c.get('address'),
    })
  })
}

/** Answers when a handler takes too long. The handler itself goes on; statements have limits of their own. */
const timeLimit = createMiddleware<Web>(async (c, next) => {
  // what is uploaded takes as long as it takes, and is cut when it stalls
  if (UPLOADS.includes(c.req.path)) return next()
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Refusal('TOO_SLOW')), TIME_LIMIT_MILLISECONDS)
  try {
    await Promise.race([next(), late.promise])
  } finally {
    clearTimeout(timer)
  }
})

/** Read as they come by routes that count for themselves, once they know who sends them. */
const STREAMED: readonly string[] = ['/v1/imports']
const UPLOADS: readonly string[] = ['/v1/imports', '/desk/imports']
/** Bodies that don't tell their length are held in memory before anybody knows whose they are. */
const MAX_COUNTED_BYTES = 1_048_576
/** What may be larger than all else. */
const LARGER_BODIES: ReadonlyMap<string, number> = new Map([
  ['/v1/leak-reports/github', 1_048_576],
  ['/desk/imports', 33_554_432],
])

function limitOf(c: WebContext): number {
  return LARGER_BODIES.get(c.req.path) ?? MAX_BODY_BYTES
}

function countedBody(c: WebContext, next: () => Promise<void>) {
  const limit = bodyLimit({
    maxSize: Math.min(limitOf(c), MAX_COUNTED_BYTES),
    onError: (c) => refuse(c, new Refusal('TOO_LARGE')),
  })
  return limit(c, next)
}

/**
 * A body that tells its length is not touched here, which would cost more than the rest of the frame; any other is
 * counted as it comes.
 */
const bodyWithinLimit = createMiddleware<Web>(async (c, next) => {
  if (c.req.method === 'GET' || c.req.method === 'HEAD' || STREAMED.includes(c.req.path)) return next()
  const length = c.req.header('content-length')
  if (length === undefined || c.req.header('transfer-encoding') !== undefined) return countedBody(c, next)
  if (Number(length) > limitOf(c)) throw new Refusal('TOO_LARGE')
  return next()
})

/** PostgreSQL keeps no NUL in text, so an address with one names nothing; every field of the API says so itself. */
const namesSomething = createMiddleware<Web>(async (c, next) => {
  if (c.req.url.includes('%00')) throw new Refusal('NOT_FOUND')
  return next()
})

/** A signed-in person's upload may take longer than other calls. */
const patientWithUploads = createMiddleware<Web>(async (c, next) => {
  if (c.get('bearer')?.complete && UPLOADS.includes(c.req.path)) allowLongUpload(c)
  return next()
})

/** The whole web: API, pages, assets and probes. Routes may be added to it until its first call. */
export function createApp(desk: Desk): App {
  const assets = loadAssets()
  const app: App = new Hono<Web>()
  app.onError(onError)
  app.notFound(onNotFound)
  app.use(
    begin(desk, createViews(assets)),
    securityHeaders,
    findAddress,
    knownHost,
    ownOrigin,
    timeLimit,
    bodyWithinLimit,
  )
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed(c, methods) {
        c.header('allow', methods.join(', '))
        return refuse(c, new Refusal('METHOD_NOT_ALLOWED'))
      },
    }),
  )
  assets.addRoutes(app)
  addApi(app)
  app.use(authenticate, namesSomething, patientWithUploads, ownForm)
  addPages(app)
  return app
}

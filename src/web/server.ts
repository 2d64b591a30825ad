import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { App } from './context.ts'
import { SECURITY_HEADERS } from './security.ts'

/** Slow or silent clients are cut: headers within 5 s, the whole request within 9 s, looked at every second. */
const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 9_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16_384,
}

/** What names no proper host or path never reaches the app; it is answered here. */
function malformed(): Response {
  const title = 'This is not a well-formed request.'
  const body = JSON.stringify({ type: 'about:blank', title, status: 400, code: 'INVALID_REQUEST' })
  return new Response(body, {
    status: 400,
    headers: [...SECURITY_HEADERS, ['content-type', 'application/problem+json']],
  })
}

/** An HTTP server for the app, not yet listening. */
export function createWebServer(app: App): Server {
  const listener = getRequestListener((request, env) => app.fetch(request, env), { errorHandler: malformed })
  return createServer(LIMITS, (incoming, outgoing) => void listener(incoming, outgoing))
}

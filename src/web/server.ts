import { createServer, type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import type { App } from './context.ts'
import { mayTakeLong } from './long-uploads.ts'
import { SECURITY_HEADERS } from './security.ts'

/** Slow or silent clients are cut: headers within 5 s, the whole request within 8 s, looked at every second. */
const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 8_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16_384,
  // Refused all the same, by an answer of ours.
  requireHostHeader: false,
}

const HEADERS: [string, string][] = [...SECURITY_HEADERS, ['content-type', 'application/problem+json']]

function problemText(status: number): string {
  const title = STATUS_CODES[status] ?? 'Bad Request'
  return JSON.stringify({ type: 'about:blank', title, status, code: 'INVALID_REQUEST' })
}

/** What names no proper host, path or method never reaches the app; it is answered here. */
function malformed(): Response {
  return new Response(problemText(400), { status: 400, headers: HEADERS })
}

const PARSER_STATUS: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
}

/** What is no HTTP at all, or comes too slowly, gets its answer on the bare socket. */
function answerBroken(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && mayTakeLong(socket)) return
  const status = PARSER_STATUS[error.code ?? ''] ?? 400
  const body = problemText(status)
  const lines = [...HEADERS, ['content-length', String(body.length)], ['connection', 'close']].map((pair) =>
    pair.join(': '),
  )
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
}

/** An HTTP server for the app, not yet listening. */
export function createWebServer(app: App): Server {
  const listener = getRequestListener((request, env) => app.fetch(request, env), { errorHandler: malformed })
  const server = createServer(LIMITS, (incoming, outgoing) => void listener(incoming, outgoing))
  server.on('clientError', answerBroken)
  return server.on('checkExpectation', (_incoming, outgoing) => {
    outgoing.writeHead(417, Object.fromEntries(HEADERS)).end(problemText(417))
  })
}

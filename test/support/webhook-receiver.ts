import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { afterAll } from 'vitest'
import { z } from 'zod'

const FOLDER = join(import.meta.dirname, 'certificates')
/** For `hooks.test` and 127.0.0.1, signed by itself; its key is of no use anywhere else. */
export const CERTIFICATE = readFileSync(join(FOLDER, 'hooks.crt'), 'utf8')
const KEY = readFileSync(join(FOLDER, 'hooks.key'), 'utf8')

export type Received = { path: string; headers: Record<string, string>; body: string; serverName: string | undefined }

export type Receiver = {
  port: number
  received: Received[]
  /** What it says to each call; 204 at first. */
  answer: (response: ServerResponse, call: Received) => void
  /** The most calls that were open at a time. */
  peak: number
  /** Of what arrived: the payload, told by the library's own verifier to be signed with this secret and fresh. */
  verified: (secret: string) => Event[]
}

const event = z.strictObject({ type: z.string(), timestamp: z.iso.datetime(), data: z.record(z.string(), z.unknown()) })
export type Event = z.infer<typeof event>

/** Throws unless the secret is one that signed the call. */
export function verify(secret: string, { body, headers }: Received): Event {
  return event.parse(new Webhook(secret).verify(body, headers))
}

async function read(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { socket } = request
  const name = 'servername' in socket && typeof socket.servername === 'string' ? socket.servername : undefined
  const headers = Object.entries(request.headers).map(([key, value]) => [key, String(value)])
  return {
    path: request.url ?? '',
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks).toString('utf8'),
    serverName: name,
  }
}

/** A server of a customer's, on a port of its own of this machine; stopped after the file. */
export async function startReceiver(scheme: 'http' | 'https'): Promise<Receiver> {
  let open = 0
  const receiver: Receiver = {
    port: 0,
    received: [],
    answer: (response) => response.writeHead(204).end(),
    peak: 0,
    verified: (secret) => receiver.received.map((call) => verify(secret, call)),
  }
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    open++
    receiver.peak = Math.max(receiver.peak, open)
    response.once('close', () => open--)
    response.on('error', () => {})
    const call = await read(request)
    receiver.received.push(call)
    receiver.answer(response, call)
  }
  const listener = (request: IncomingMessage, response: ServerResponse) => void take(request, response).catch(() => {})
  const server =
    scheme === 'https' ? createHttpsServer({ cert: CERTIFICATE, key: KEY }, listener) : createHttpServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  receiver.port = typeof address === 'object' && address !== null ? address.port : 0
  return receiver
}

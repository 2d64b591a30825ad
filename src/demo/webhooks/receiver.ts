import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

const KEPT_CALLS = 200
const MAX_BODY_BYTES = 65_536

/** A webhook as it arrived at the sample customer's program. */
export type ReceivedCall = { id: string; timestamp: number; signature: string; body: string; receivedAt: Date }

export type Receiver = {
  /** Where the sample customer wants webhooks; another one on each start. */
  url: string
  /** As `WEBHOOK_ALLOWED_HOSTS` would name it. */
  host: string
  /** The newest first. */
  calls: () => ReceivedCall[]
  stop: () => Promise<void>
}

async function read(request: IncomingMessage): Promise<ReceivedCall> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
  }
  const header = (name: string) => String(request.headers[name] ?? '')
  return {
    id: header('webhook-id'),
    timestamp: Number(header('webhook-timestamp')),
    signature: header('webhook-signature'),
    body: Buffer.concat(chunks).toString('utf8'),
    receivedAt: new Date(),
  }
}

/** The program of the sample customer that takes webhooks: it answers 204 and keeps the last ones in memory. */
export async function startReceiver(): Promise<Receiver> {
  const calls: ReceivedCall[] = []
  const server = createServer(async (request, response) => {
    try {
      calls.unshift(await read(request))
      calls.splice(KEPT_CALLS)
      response.writeHead(204).end()
    } catch {
      response.destroy()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()
  const host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  async function stop(): Promise<void> {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://${host}/rekey`, host, calls: () => [...calls], stop }
}

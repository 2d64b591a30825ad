import { setTimeout as sleep } from 'node:timers/promises'
import type { DemoFile } from './demo-file.ts'

const PAUSE_MILLISECONDS = 3_000
const ANSWER_MILLISECONDS = 5_000
/** From the range that RFC 5737 keeps for documents. */
const ADDRESS = '203.0.113.7'

/** A customer who goes on calling with the old keys of the show, so that "last used" lives. It touches no other key. */
export function startClient({ baseUrl, show }: Pick<DemoFile, 'baseUrl' | 'show'>): { stop: () => Promise<void> } {
  const stopping = new AbortController()

  async function call(key: string): Promise<void> {
    const response = await fetch(`${baseUrl}/v1/keys/verify`, {
      method: 'POST',
      headers: { authorization: `Bearer ${show.gatewayToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ key, ip: ADDRESS }),
      signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(ANSWER_MILLISECONDS)]),
    })
    await response.arrayBuffer()
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      // What fails is tried again in a moment, as clients do.
      for (const key of show.keys) await call(key).catch(() => {})
      await sleep(PAUSE_MILLISECONDS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  const running = run()
  async function stop(): Promise<void> {
    stopping.abort()
    await running
  }
  return { stop }
}

import { createServer } from 'node:http'
import { afterAll } from 'vitest'

type ListedKey = { key_identifier: string; key: string; is_current: boolean }

/** A server that lists public keys as GitHub does; what it lists and how it answers can be changed at any time. */
export async function openKeyList() {
  const state = { keys: [] as ListedKey[], status: 200, text: undefined as string | undefined, asked: 0 }
  const server = createServer((_request, response) => {
    state.asked += 1
    const body = state.text ?? JSON.stringify({ public_keys: state.keys })
    response.writeHead(state.status, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  function list(id: string, pem: string): void {
    state.keys.push({ key_identifier: id, key: pem, is_current: true })
  }
  return { url: `http://127.0.0.1:${port}/meta/public_keys/secret_scanning`, state, list }
}

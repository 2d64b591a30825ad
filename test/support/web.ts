import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { afterAll } from 'vitest'
import { type Config, readConfig } from '../../src/config.ts'
import { findTokenBearer } from '../../src/identity/sign-in/bearers.ts'
import { stepUp } from '../../src/identity/sign-in/step-up.ts'
import { createPersonalToken } from '../../src/identity/tokens/tokens.ts'
import { verifyKey } from '../../src/keyring/verify.ts'
import { createLog } from '../../src/log.ts'
import { createAddressCheck, createUrlCheck } from '../../src/outbox/webhooks/addresses.ts'
import { createSealer } from '../../src/secrets/sealing.ts'
import { createApp } from '../../src/web/app.ts'
import type { App, Desk } from '../../src/web/context.ts'
import { createGithubKeys } from '../../src/web/leaks/github-keys.ts'
import { createWebServer } from '../../src/web/server.ts'
import type { TestDatabase } from './database.ts'
import { type Enrolled, unusedCode } from './worlds/people.ts'

const MASTER_KEY = Buffer.alloc(32, 5)
export const sealer = createSealer(MASTER_KEY)

export type Answer = { status: number; headers: Record<string, string>; text: string; bytes: Buffer; json: unknown }
export type Sent = { headers?: Record<string, string>; body?: unknown; text?: string }
export type TestDesk = {
  url: string
  desk: Desk
  /** The lines of its log. */
  logged: string[]
  call: (method: string, path: string, sent?: Sent) => Promise<Answer>
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** One call over a real socket, with any header at all: `fetch` would set Host and Origin by itself. */
function callServer(port: number, method: string, path: string, { headers = {}, body, text }: Sent): Promise<Answer> {
  const payload = text ?? (body === undefined ? undefined : JSON.stringify(body))
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const length =
    payload === undefined || 'transfer-encoding' in headers
      ? {}
      : { 'content-length': String(Buffer.byteLength(payload)) }
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, agent: false, headers: { ...type, ...length, ...headers } }
    const sending = request(options, async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      const bytes = Buffer.concat(chunks)
      const answer = bytes.toString('utf8')
      const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
      resolve({
        status: response.statusCode ?? 0,
        headers: Object.fromEntries(flat),
        text: answer,
        bytes,
        json: parsed(answer),
      })
    })
    sending.once('error', reject)
    sending.end(payload)
  })
}

/** The whole web on a real socket, with routes of the test's own where it `extend`s it. */
export async function openDesk(
  { db, pool }: Pick<TestDatabase, 'db' | 'pool'>,
  settings: Partial<Config> = {},
  extend: (app: App) => void = () => {},
): Promise<TestDesk> {
  const logged: string[] = []
  const config = readConfig({ MASTER_KEY: MASTER_KEY.toString('base64'), DATA_DIR: tmpdir() })
  const log = createLog('debug', { write: (line) => void logged.push(line) })
  const { githubKeysUrl } = settings
  const verifier = { pool, prefix: config.keyPrefix, recordUse: () => {} }
  const desk: Desk = {
    config,
    db,
    sealer,
    maker: { prefix: config.keyPrefix, sealer },
    log,
    findGithubKey: githubKeysUrl === undefined ? null : createGithubKeys(githubKeysUrl, log),
    verify: (gatewayToken, presented) => verifyKey(verifier, gatewayToken, presented),
    // Hosts of the tests' own; any other is looked up as it always is.
    checkWebhookUrl: createUrlCheck(
      createAddressCheck(['localhost', '127.0.0.1', 'hooks.test'], async () => ['127.0.0.1']),
    ),
  }
  const app = createApp(desk)
  extend(app)
  const server = createWebServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const url = `http://127.0.0.1:${port}`
  desk.config = { ...config, port, publicUrl: url, ...settings }
  return { url, desk, logged, call: (method, path, sent = {}) => callServer(port, method, path, sent) }
}

export type Client = {
  /** With this person's token. */
  call: (method: string, path: string, sent?: Sent) => Promise<Answer>
  /** The same with a step-up just made. */
  confirmed: (method: string, path: string, sent?: Sent) => Promise<Answer>
  newStepUp: () => Promise<string>
  token: string
}

/** A script of a person's: a personal token, and a step-up whenever one is needed. */
export async function clientOf({ desk, call }: TestDesk, person: Enrolled): Promise<Client> {
  const expiresAt = new Date(Date.now() + 86_400_000)
  const { token } = await createPersonalToken(desk.db, person.actor, { name: 'script', expiresAt })
  const authorization = `Bearer ${token}`
  const withToken: Client['call'] = (method, path, sent = {}) =>
    call(method, path, { ...sent, headers: { authorization, ...sent.headers } })
  async function newStepUp(): Promise<string> {
    const bearer = await findTokenBearer(desk.db, token)
    if (bearer === null) throw new Error('the token has no bearer')
    return (await stepUp(desk.db, desk.sealer, bearer, await unusedCode(desk.db, person))).stepUpToken
  }
  const confirmed: Client['confirmed'] = async (method, path, sent = {}) =>
    withToken(method, path, { ...sent, headers: { 'rekey-step-up': await newStepUp(), ...sent.headers } })
  return { call: withToken, confirmed, newStepUp, token }
}

import type { Config } from './config.ts'
import { createDb, createPool, type Db } from './database/connect.ts'
import type { KeyMaker } from './keyring/make-version.ts'
import { verifyKey } from './keyring/verify.ts'
import { startUseRecorder } from './keyring/watch/record-use.ts'
import type { Log } from './log.ts'
import { openDatabase } from './open-database.ts'
import { openMail } from './outbox/deliver.ts'
import { type AddressCheck, createAddressCheck, createUrlCheck } from './outbox/webhooks/addresses.ts'
import { openWebhooks } from './outbox/webhooks/deliver.ts'
import { createSealer } from './secrets/sealing.ts'
import { finish, listen } from './serve.ts'
import { createApp } from './web/app.ts'
import type { App, Desk } from './web/context.ts'
import { createGithubKeys } from './web/leaks/github-keys.ts'
import { createWebServer } from './web/server.ts'
import { startWorker } from './worker/loop.ts'

const WEB_POOL = { max: 12, statementMilliseconds: 10_000 }
// Verify has connections of its own, so that a storm on the pages never makes a gateway wait.
const VERIFY_POOL = { max: 8, statementMilliseconds: 2_000 }
const WORKER_POOL = { max: 8, statementMilliseconds: 30_000 }

export type Foundation = {
  config: Config
  log: Log
  db: Db
  databaseUrl: string
  maker: KeyMaker
  checkAddress: AddressCheck
}
export type Rekey = { stop: () => Promise<void> }
export type Extension = (app: App) => void
export type StartOptions = {
  /** Runs once the database is there and nothing else yet; what it gives may add routes before the first call. */
  prepare?: (foundation: Foundation) => Promise<Extension>
  /** Gives up waiting for the database. */
  signal?: AbortSignal
}

function openPool(stack: AsyncDisposableStack, url: string, log: Log, size: typeof WEB_POOL) {
  const pool = createPool(url, log, size)
  stack.defer(() => pool.end())
  return pool
}

function startWork(stack: AsyncDisposableStack, foundation: Foundation): void {
  const { config, log, databaseUrl, maker, checkAddress } = foundation
  const db = createDb(openPool(stack, databaseUrl, log, WORKER_POOL))
  const webhooks = openWebhooks({ sealer: maker.sealer, check: checkAddress })
  const worker = startWorker({ db, maker, mail: openMail(config), webhooks, log })
  stack.defer(() => worker.stop())
}

async function startWeb(
  stack: AsyncDisposableStack,
  { config, log, db, databaseUrl, maker, checkAddress }: Foundation,
  extend: Extension,
): Promise<void> {
  const pool = openPool(stack, databaseUrl, log, VERIFY_POOL)
  const uses = startUseRecorder(db, log)
  stack.defer(() => uses.stop())
  const verifier = { pool, prefix: config.keyPrefix, recordUse: uses.record }
  const verify: Desk['verify'] = (gatewayToken, presented) => verifyKey(verifier, gatewayToken, presented)
  const checkWebhookUrl = createUrlCheck(checkAddress)
  const { githubKeysUrl } = config
  const findGithubKey = githubKeysUrl === undefined ? null : createGithubKeys(githubKeysUrl, log)
  const app = createApp({ config, db, sealer: maker.sealer, maker, log, verify, findGithubKey, checkWebhookUrl })
  extend(app)
  const server = createWebServer(app)
  await listen(server, config.host, config.port)
  stack.defer(() => finish(server))
}

/**
 * Starts the program in order: database, schema, worker, web. `stop` goes the other way: open requests are finished, then the
 * work at hand, then the database ends. Throws with nothing left running.
 */
export async function startRekey(config: Config, log: Log, options: StartOptions = {}): Promise<Rekey> {
  await using stack = new AsyncDisposableStack()
  const database = await openDatabase(config, log, options.signal)
  stack.defer(() => database.stop())
  const db = createDb(openPool(stack, database.url, log, WEB_POOL))
  const maker = { prefix: config.keyPrefix, sealer: createSealer(config.masterKey, config.masterKeyPrevious) }
  const checkAddress = createAddressCheck(config.webhookAllowedHosts)
  const foundation = { config, log, db, databaseUrl: database.url, maker, checkAddress }
  const extend = (await options.prepare?.(foundation)) ?? (() => {})
  if (config.roles.includes('worker')) startWork(stack, foundation)
  if (config.roles.includes('web')) await startWeb(stack, foundation, extend)
  const running = stack.move()
  return { stop: () => running.disposeAsync() }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { CannotStart } from './cannot-start.ts'
import type { Config } from './config.ts'
import { createDb, createPool } from './database/connect.ts'
import { startEmbeddedPostgres } from './database/embedded/start.ts'
import { migrate } from './database/migrate.ts'
import type { Log } from './log.ts'

const PATIENCE_MILLISECONDS = 30_000
/** SQLSTATE: a wrong name, password or database, which waiting doesn't mend. */
const REFUSED = /^(28...|3D000)$/
const MIGRATION_MILLISECONDS = 600_000

async function answers(url: string): Promise<Error | undefined> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select')
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    await client.end().catch(() => {})
  }
}

/** A server that was started at the same moment as Rekey gets half a minute; a wrong address or password is told after it. */
async function waitFor(url: string, log: Log, signal: AbortSignal | undefined): Promise<void> {
  const deadline = Date.now() + PATIENCE_MILLISECONDS
  for (;;) {
    const error = await answers(url)
    if (error === undefined) return
    const code = 'code' in error ? String(error.code) : ''
    if (REFUSED.test(code) || Date.now() > deadline) {
      throw new CannotStart(`The database in DATABASE_URL cannot be used: ${error.message || code}.`)
    }
    log.warn({ event: 'database.waiting', error: error.message, code })
    await sleep(1_000, undefined, signal === undefined ? {} : { signal })
  }
}

/**
 * The database with its schema up to date: the one in DATABASE_URL, or an embedded one in the data folder. Nothing of it is
 * left running when this throws.
 */
export async function openDatabase(
  config: Config,
  log: Log,
  signal?: AbortSignal,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const postgres =
    config.databaseUrl === undefined
      ? await startEmbeddedPostgres(config.dataDir, log)
      : { url: config.databaseUrl, stop: async () => {} }
  try {
    if (config.databaseUrl !== undefined) await waitFor(config.databaseUrl, log, signal)
    const db = createDb(createPool(postgres.url, log, { max: 2, statementMilliseconds: MIGRATION_MILLISECONDS }))
    const applied = await migrate(db).finally(() => db.destroy())
    for (const name of applied) log.info({ event: 'database.migrated', kind: name })
    return postgres
  } catch (error) {
    await postgres.stop()
    throw error
  }
}

import { CamelCasePlugin, Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import { Pool } from 'pg'
import { errorFields, type Log } from '../log.ts'
import type { Database } from './schema.ts'

export type Db = Kysely<Database>
export type Trx = Transaction<Database>

type PoolSize = { max: number; statementMilliseconds: number }

/**
 * A pool that fails instead of waiting for ever: 2 s for a connection, bounded statements, locks and idle transactions.
 * A client that is cut is logged, never thrown.
 */
export function createPool(url: string, log: Log, { max, statementMilliseconds }: PoolSize): Pool {
  const pool = new Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 2_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: 'rekey',
    statement_timeout: statementMilliseconds,
    query_timeout: statementMilliseconds + 1_000,
    lock_timeout: 5_000,
    idle_in_transaction_session_timeout: 10_000,
  })
  const lost = (error: Error) => log.warn({ event: 'database.connection_lost', ...errorFields(error) })
  pool.on('error', lost)
  // The pool listens to idle clients only; one that is cut between two statements of a transaction would end the process.
  pool.on('connect', (client) => client.on('error', lost))
  return pool
}

/** Tables and columns are snake_case in the database and camelCase here. */
export function createDb(pool: Pool): Db {
  return new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  })
}

/**
 * The database's clock at this very moment, in milliseconds. Read it after the lock: what a transaction waited for must
 * not make its decision older than it is.
 */
export async function clock(trx: Trx): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select date_trunc('milliseconds', clock_timestamp()) as now`.execute(trx)
  const now = rows[0]?.now
  if (now === undefined) throw new Error('the database told no time')
  return now
}

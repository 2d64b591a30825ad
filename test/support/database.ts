import { randomBytes } from 'node:crypto'
import { Client, type Pool } from 'pg'
import { afterAll, inject } from 'vitest'
import { createDb, createPool, type Db } from '../../src/database/connect.ts'
import { createLog } from '../../src/log.ts'

export type TestDatabase = { db: Db; pool: Pool; url: string }

/** The address of `database` on the same server as `url`. */
function sibling(url: string, database: string): string {
  const address = new URL(url)
  address.pathname = `/${database}`
  return address.href
}

/** A database of its own that the program has never met: cloned from `template`, or empty. */
async function createDatabase(template: 'migrated' | 'empty'): Promise<string> {
  const templateUrl = inject('templateUrl')
  const name = `test_${randomBytes(6).toString('hex')}`
  const source = template === 'migrated' ? new URL(templateUrl).pathname.slice(1) : 'template0'
  const client = new Client({ connectionString: sibling(templateUrl, 'postgres') })
  await client.connect()
  await client.query(`create database ${name} template ${source} strategy file_copy`)
  await client.end()
  return sibling(templateUrl, name)
}

function connect(url: string): TestDatabase {
  const pool = createPool(url, createLog('warn'), { max: 30, statementMilliseconds: 20_000 })
  const db = createDb(pool)
  afterAll(() => db.destroy())
  return { db, pool, url }
}

/** A migrated database for this file alone. Its connections are closed after the file; it stays for looking at. */
export async function openTestDatabase(): Promise<TestDatabase> {
  return connect(await createDatabase('migrated'))
}

/** As `openTestDatabase`, without any table, for tests of the migrations. */
export async function openEmptyDatabase(): Promise<TestDatabase> {
  return connect(await createDatabase('empty'))
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { createDb, createPool, type Db } from '../../src/database/connect.ts'
import { startEmbeddedPostgres } from '../../src/database/embedded/start.ts'
import { findService } from '../../src/database/keys/services.ts'
import { migrate } from '../../src/database/migrate.ts'
import { createGateway } from '../../src/keyring/gateways.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { createLog } from '../../src/log.ts'
import { type DeskWorld, makeDeskWorld, maker } from '../support/worlds/desk-world.ts'

export type BenchWorld = {
  db: Db
  desk: DeskWorld
  gatewayToken: string
  secret: string
  start: (script: string, variables?: Record<string, string>) => Promise<string>
  /** Another desk in a database of its own on the same server. */
  openDesk: (name: string) => Promise<{ db: Db; desk: DeskWorld; databaseUrl: string }>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  )
}

async function revealFirst(db: Db, desk: DeskWorld): Promise<string> {
  const service = await findService(db, desk.owner, desk.service.id)
  const versionId = service?.keys[0]?.versions[0]?.id ?? ''
  return (await revealVersion(db, maker.sealer, desk.owner, versionId)).secret
}

/** Runs `work` with a desk in a throwaway PostgreSQL, and servers as processes of their own; takes all of it away again. */
export async function withBenchWorld(work: (world: BenchWorld) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-bench-'))
  const log = createLog('error')
  const postgres = await startEmbeddedPostgres(folder, log, { settings: { max_connections: '100' } })
  const db = createDb(createPool(postgres.url, log, { max: 20, statementMilliseconds: 60_000 }))
  const children: ChildProcess[] = []
  const others: Db[] = []

  async function openDesk(name: string) {
    await sql`create database ${sql.table(name)}`.execute(db)
    const address = new URL(postgres.url)
    address.pathname = `/${name}`
    const other = createDb(createPool(address.href, log, { max: 4, statementMilliseconds: 600_000 }))
    others.push(other)
    await migrate(other)
    return { db: other, desk: await makeDeskWorld(other), databaseUrl: address.href }
  }

  async function start(script: string, variables: Record<string, string> = {}): Promise<string> {
    const port = await freePort()
    const env = {
      PATH: '',
      PORT: String(port),
      DATABASE_URL: postgres.url,
      DATA_DIR: folder,
      LOG_LEVEL: 'error',
      ...variables,
    }
    const child = spawn(process.execPath, [join(import.meta.dirname, script), String(port)], { env, stdio: 'inherit' })
    children.push(child)
    const url = `http://127.0.0.1:${port}`
    while (!(await answers(url))) await sleep(50)
    return url
  }

  try {
    await migrate(db)
    const desk = await makeDeskWorld(db)
    const { token } = await createGateway(db, desk.admin, { name: 'Bench' })
    await work({ db, desk, gatewayToken: token, secret: await revealFirst(db, desk), start, openDesk })
  } finally {
    for (const child of children) child.kill('SIGTERM')
    await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')))
    for (const other of others) await other.destroy()
    await db.destroy()
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client } from 'pg'
import { afterAll, expect, test } from 'vitest'
import { startEmbeddedPostgres } from '../../src/database/embedded/start.ts'
import { createLog } from '../../src/log.ts'

const log = createLog('fatal')
const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rekey-embedded-'))
  folders.push(folder)
  return folder
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

/** Another program that uses the folder; waits until its database answers. */
async function startHolder(folder: string): Promise<{ holder: ChildProcess; url: string }> {
  const program = join(import.meta.dirname, '../support/processes/postgres-process.ts')
  const holder = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (holder.stdout === null) throw new Error('no output')
  const [url] = await once(createInterface({ input: holder.stdout }), 'line')
  return { holder, url: String(url) }
}

function postmasterPid(folder: string): number {
  return Number(readFileSync(join(folder, 'postgres/postmaster.pid'), 'utf8').split('\n')[0])
}

test('a stopped database is there again at the next start, with the same password', async () => {
  const folder = newFolder()
  const first = await startEmbeddedPostgres(folder, log)
  await query(first.url, `create table kept as select 'yes' as answer`)
  await first.stop()
  expect(existsSync(join(folder, 'postgres/postmaster.pid'))).toBe(false)
  const second = await startEmbeddedPostgres(folder, log)
  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 'yes' }])
  expect(new URL(second.url).password).toBe(new URL(first.url).password)
  await second.stop()
})

test('it speaks UTF-8, writes through to the disk and listens on this machine alone', async () => {
  const postgres = await startEmbeddedPostgres(newFolder(), log)
  const [settings] = await query(
    postgres.url,
    `select current_setting('server_encoding') encoding, current_setting('fsync') fsync, lower('ÅÉ') as lower,
     current_setting('listen_addresses') listens, current_setting('unix_socket_directories') sockets`,
  )
  expect(settings).toEqual({ encoding: 'UTF8', fsync: 'on', lower: 'åé', listens: '127.0.0.1', sockets: '' })
  await postgres.stop()
})

test('nobody gets in without the password', async () => {
  const postgres = await startEmbeddedPostgres(newFolder(), log)
  const address = new URL(postgres.url)
  address.password = 'guess'
  await expect(query(address.href, 'select 1')).rejects.toThrow('password authentication failed')
  await postgres.stop()
})

test('a second program on the same folder is told so, and the first goes on', async () => {
  const folder = newFolder()
  const { holder, url } = await startHolder(folder)
  await expect(startEmbeddedPostgres(folder, log)).rejects.toThrow('Another Rekey already uses the data folder')
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  holder.kill('SIGTERM')
  await once(holder, 'exit')
})

test('when the program is killed hard, its PostgreSQL goes with it, and the next start waits for that', async () => {
  const folder = newFolder()
  const { holder, url } = await startHolder(folder)
  await query(url, `create table kept as select 'yes' as answer`)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const next = await startEmbeddedPostgres(folder, log)
  expect(await query(next.url, 'select answer from kept')).toEqual([{ answer: 'yes' }])
  await next.stop()
})

test('a lock file left by a power cut does not block, though its process number is in use by another program', async () => {
  const folder = newFolder()
  const { holder, url } = await startHolder(folder)
  await query(url, `create table kept as select 'yes' as answer`)
  const lockFile = join(folder, 'postgres/postmaster.pid')
  const lines = readFileSync(lockFile, 'utf8').split('\n')
  // Both end at once: the program has no time to start PostgreSQL again, nor PostgreSQL to clean up.
  holder.kill('SIGSTOP')
  process.kill(postmasterPid(folder), 'SIGKILL')
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  writeFileSync(lockFile, [String(process.pid), ...lines.slice(1)].join('\n'))
  const next = await startEmbeddedPostgres(folder, log)
  expect(await query(next.url, 'select answer from kept')).toEqual([{ answer: 'yes' }])
  await next.stop()
})

test('what a start left half made does not count', async () => {
  const folder = newFolder()
  mkdirSync(join(folder, 'postgres.new-abc/data'), { recursive: true })
  writeFileSync(join(folder, 'postgres.new-abc/data/PG_VERSION'), '18')
  const postgres = await startEmbeddedPostgres(folder, log)
  expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await postgres.stop()
})

test('two first starts at the same moment leave one database and one that is told to go', async () => {
  const folder = newFolder()
  const starts = await Promise.allSettled([startEmbeddedPostgres(folder, log), startEmbeddedPostgres(folder, log)])
  const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  expect(started).toHaveLength(1)
  for (const postgres of started) await postgres.stop()
})

test('a PostgreSQL that crashes is started again at the same address, with what was committed', async () => {
  const folder = newFolder()
  const postgres = await startEmbeddedPostgres(folder, log)
  await query(postgres.url, `create table kept as select 'yes' as answer`)
  process.kill(postmasterPid(folder), 'SIGKILL')
  const ask = () => query(postgres.url, 'select answer from kept')
  await expect.poll(() => ask().catch(() => []), { timeout: 10_000 }).toEqual([{ answer: 'yes' }])
  await postgres.stop()
  expect(existsSync(join(folder, 'postgres/postmaster.pid'))).toBe(false)
})

import { mkdir, realpath } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { CannotStart } from '../../cannot-start.ts'
import type { Log } from '../../log.ts'
import { chooseAccount } from './account.ts'
import { findBinaries } from './binaries.ts'
import { type Cluster, openCluster, urlOf } from './cluster.ts'
import { readPostmaster, removeStaleLock } from './lock.ts'
import { runServer, type Server } from './process.ts'

export type EmbeddedPostgres = { url: string; stop: () => Promise<void> }
export type Settings = Record<string, string>

const ORPHAN_MILLISECONDS = 3_000
const READY_MILLISECONDS = 300_000
const PORT_TRIES = 10
const POLL_MILLISECONDS = 20
const RESTART_MILLISECONDS = 500

// Statements and details stay out of its log, since they can hold what people typed.
const SETTINGS: Settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('the system gave no free port')
  return address.port
}

async function makeDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  // A server that is stopped in between cuts the client; without a listener that would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    const { rowCount } = await client.query(`select from pg_database where datname = 'rekey'`)
    if (rowCount === 0) await client.query('create database rekey')
  } finally {
    await client.end()
  }
}

/** Ready means connected: the lock file tells that the port is ours, then a connection proves the rest. */
async function becomesReady(server: Server, cluster: Cluster, port: number): Promise<boolean> {
  const deadline = Date.now() + READY_MILLISECONDS
  while (!server.hasEnded() && Date.now() < deadline) {
    const postmaster = readPostmaster(cluster.folder)
    if (postmaster?.ready && postmaster.port === port) {
      const connected = await makeDatabase(urlOf(cluster, port, 'postgres')).then(
        () => true,
        () => false,
      )
      if (connected) return true
    }
    await sleep(POLL_MILLISECONDS)
  }
  return false
}

type Failure = 'locked' | 'port taken' | 'broken'

function explain(lastLines: string): Failure {
  if (/lock file "postmaster\.pid"|pre-existing shared memory block/.test(lastLines)) return 'locked'
  if (/could not (bind|create any TCP\/IP sockets)/.test(lastLines)) return 'port taken'
  return 'broken'
}

/**
 * Somebody else may take the port between our asking for a free one and PostgreSQL's taking it; then the next one is
 * tried. A locked folder is tried for 3 s, since the PostgreSQL of a Rekey that was killed may still be shutting down.
 */
async function launch(run: (port: number) => Server, cluster: Cluster): Promise<{ server: Server; port: number }> {
  const deadline = Date.now() + ORPHAN_MILLISECONDS
  for (let portsTaken = 0; portsTaken < PORT_TRIES; ) {
    const port = await findFreePort()
    const server = run(port)
    if (await becomesReady(server, cluster, port)) {
      server.noteServing()
      return { server, port }
    }
    await server.stop()
    const failure = explain(server.lastLines())
    if (failure === 'port taken') portsTaken += 1
    else if (failure === 'broken') throw new CannotStart(`PostgreSQL did not start: ${server.lastLines()}`)
    else if (removeStaleLock(cluster.folder)) continue
    else if (Date.now() > deadline)
      throw new CannotStart(`Another Rekey already uses the data folder ${dirname(cluster.folder)}.`)
    else await sleep(200)
  }
  throw new CannotStart('PostgreSQL found no free port on 127.0.0.1.')
}

function commandLine(folder: string, settings: Settings): string[] {
  return ['-D', folder, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

/** Starts PostgreSQL again, on the same port, whenever it ends without having been stopped. */
function keepRunning(first: Server, again: () => Server, isReady: (server: Server) => Promise<boolean>, log: Log) {
  let server = first
  let stopping = false
  async function watch(): Promise<void> {
    for (;;) {
      await server.ended
      if (stopping) return
      log.error({ event: 'postgres.ended', error: server.lastLines() })
      await sleep(RESTART_MILLISECONDS)
      if (stopping) return
      server = again()
      if (await isReady(server)) server.noteServing()
      else await server.stop()
    }
  }
  const watched = watch()
  async function stop(): Promise<void> {
    stopping = true
    await server.stop()
    await watched
  }
  return stop
}

/**
 * Starts PostgreSQL out of npm's packages on the cluster in `dataDir`/postgres, which the first start makes. It listens
 * on 127.0.0.1 alone, is started again when it crashes, ends when `stop` is called or this process dies in whatever way,
 * and survives kill -9 of both. Throws a sentence when another Rekey uses the folder or PostgreSQL cannot run here.
 */
export async function startEmbeddedPostgres(
  dataDir: string,
  log: Log,
  options: { settings?: Settings } = {},
): Promise<EmbeddedPostgres> {
  const { postgres, initdb } = await findBinaries()
  await mkdir(dataDir, { recursive: true })
  const home = await realpath(dataDir)
  const account = chooseAccount(postgres, home)
  const cluster = await openCluster(home, initdb, account)
  const settings = { ...SETTINGS, ...options.settings }
  const run = (port: number) =>
    runServer(postgres, commandLine(cluster.folder, { ...settings, port: String(port) }), account, log)
  const { server, port } = await launch(run, cluster)
  const stop = keepRunning(
    server,
    () => run(port),
    (again) => becomesReady(again, cluster, port),
    log,
  )
  return { url: urlOf(cluster, port, 'rekey'), stop }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { readPostmaster } from '../../src/database/embedded/lock.ts'

const ROOT = join(import.meta.dirname, '../..')
const READY_MILLISECONDS = 60_000

export type Program = {
  process: ChildProcess
  baseUrl: string
  dataDir: string
  /** All it has printed so far. */
  output: () => string
  /** Its exit code, once it has ended. */
  ended: Promise<number | null>
}

const started: ChildProcess[] = []
const folders: string[] = []
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL')
  for (const folder of folders) {
    await goes(postgresOf(folder), 5_000)
    rmSync(folder, { recursive: true, force: true })
  }
})

/** A folder that goes with the test file. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rekey-program-'))
  folders.push(folder)
  return folder
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

type Settings = { dataDir: string; port: number } & { [variable: string]: string | number }

/** Starts the program as `npm run demo` and `npm start` do, and waits until it is ready or has ended. */
export async function startProgram(
  file: string,
  { dataDir, port, ...more }: Settings,
  args: readonly string[] = [],
): Promise<Program> {
  const child = spawn(process.execPath, [join(ROOT, file), ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, DATA_DIR: dataDir, PORT: String(port), ...textsOf(more) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const deadline = Date.now() + READY_MILLISECONDS
  while (!/ready/.test(output) && child.exitCode === null && Date.now() < deadline) await sleep(20)
  return { process: child, baseUrl: `http://127.0.0.1:${port}`, dataDir, output: () => output, ended }
}

function textsOf(settings: Record<string, string | number>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]))
}

/** The process number of the embedded PostgreSQL that runs in the folder, or NaN. */
export function postgresOf(dataDir: string): number {
  return readPostmaster(join(dataDir, 'postgres'))?.pid ?? Number.NaN
}

export function isAlive(pid: number): boolean {
  if (Number.isNaN(pid)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Waits for a process to be gone, for some seconds at most. Whether it is. */
export async function goes(pid: number, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds
  while (isAlive(pid) && Date.now() < deadline) await sleep(20)
  return !isAlive(pid)
}

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { CannotStart } from './cannot-start.ts'
import { readConfig } from './config.ts'
import { createDb, createPool, type Db } from './database/connect.ts'
import { findRunningPostgres } from './database/embedded/cluster.ts'
import { findImport, type ImportView } from './database/imports.ts'
import { carryOutImport } from './keyring/imports/carry-out.ts'
import { receiveImport } from './keyring/imports/receive.ts'
import { createLog } from './log.ts'
import { runOnce } from './main.ts'
import { openDatabase } from './open-database.ts'
import { Refusal } from './rules/refusals.ts'

const USAGE = 'Usage: npm run import -- FILE [--dry-run]   (NDJSON, or CSV with a header)'
const POOL = { max: 2, statementMilliseconds: 60_000 }

function readOptions(): { file: string; dryRun: boolean } {
  try {
    const { values, positionals } = parseArgs({ options: { 'dry-run': { type: 'boolean' } }, allowPositionals: true })
    const [file, ...more] = positionals
    if (file !== undefined && more.length === 0) return { file, dryRun: values['dry-run'] ?? false }
  } catch {
    // said below
  }
  throw new CannotStart(USAGE)
}

async function requireFile(file: string): Promise<void> {
  const found = await stat(file).catch(() => null)
  if (!found?.isFile()) throw new CannotStart(`${file} is no file that can be read.`)
}

async function readInto(db: Db, { file, dryRun }: { file: string; dryRun: boolean }): Promise<string> {
  try {
    const upload = { name: basename(file), dryRun, stream: createReadStream(file) }
    return (await receiveImport(db, { kind: 'desk' }, upload)).id
  } catch (error) {
    throw error instanceof Refusal ? new CannotStart(error.errors[0]?.message ?? error.message) : error
  }
}

/** Carries it out piece by piece, beside whatever worker is at it, until it is finished. */
async function carryOut(db: Db, id: string, signal: AbortSignal): Promise<ImportView> {
  for (;;) {
    signal.throwIfAborted()
    const worked = await carryOutImport(db, id)
    const now = await findImport(db, id)
    if (now === undefined) throw new Error('the import is gone')
    const done = now.added + now.known + now.refused
    process.stderr.write(`\r${done} of ${now.lines} lines`)
    if (now.status === 'finished') return now
    if (!worked) await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function report({ errors, added, known, refused, dryRun }: ImportView): void {
  for (const { line, problem } of errors) console.log(`line ${line}: ${problem}`)
  if (refused > errors.length) console.log(`… and ${refused - errors.length} more`)
  console.log(`${added} ${dryRun ? 'would be added' : 'added'}, ${known} known already, ${refused} refused`)
}

/** Imports existing keys and ends, with 1 when a line was refused. Killed and run again it adds what is left. */
await runOnce(async (signal) => {
  const options = readOptions()
  await requireFile(options.file)
  const config = readConfig()
  const log = createLog('warn')
  const running = config.databaseUrl === undefined ? await findRunningPostgres(config.dataDir) : null
  const database = running === null ? await openDatabase(config, log, signal) : { url: running, stop: async () => {} }
  const db = createDb(createPool(database.url, log, POOL))
  try {
    const done = await carryOut(db, await readInto(db, options), signal)
    process.stderr.write('\n')
    report(done)
    if (done.refused > 0) process.exitCode = 1
  } finally {
    await db.destroy()
    await database.stop()
  }
  if (process.exitCode === 1) process.exit(1)
})

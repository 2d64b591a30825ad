import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { CannotStart } from './cannot-start.ts'
import { type Config, readConfig } from './config.ts'
import { type ChainHead, checkChains, findHeads } from './database/audit/check.ts'
import { createDb, createPool, type Db } from './database/connect.ts'
import { findRunningPostgres } from './database/embedded/cluster.ts'
import { createLog, type Log } from './log.ts'
import { runOnce } from './main.ts'
import { openDatabase } from './open-database.ts'

const STATEMENT_MILLISECONDS = 600_000
const USAGE = 'Usage: npm run audit:verify -- [--against HEADS.json] [--save HEADS.json]'
const savedHeads = z.array(z.strictObject({ chain: z.string(), sequence: z.int(), hash: z.string() }))

function readOptions(): { against?: string; save?: string } {
  try {
    const { against, save } = parseArgs({ options: { against: { type: 'string' }, save: { type: 'string' } } }).values
    return { ...(against === undefined ? {} : { against }), ...(save === undefined ? {} : { save }) }
  } catch {
    throw new CannotStart(USAGE)
  }
}

async function readHeads(file: string | undefined): Promise<ChainHead[]> {
  if (file === undefined) return []
  try {
    return savedHeads.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    throw new CannotStart(`${file} holds no heads that an earlier run saved.`)
  }
}

/** The desk may be running, so its embedded database is joined rather than started a second time. */
async function openToRead(
  config: Config,
  log: Log,
  signal: AbortSignal,
): Promise<{ url: string; stop(): Promise<void> }> {
  const running = config.databaseUrl === undefined ? await findRunningPostgres(config.dataDir) : null
  return running === null ? openDatabase(config, log, signal) : { url: running, stop: async () => {} }
}

async function check(db: Db, options: ReturnType<typeof readOptions>): Promise<boolean> {
  const known = await readHeads(options.against)
  const { chains, entries, faults } = await checkChains(db, known)
  for (const { chain, fault } of faults) console.log(`${chain}: ${fault}`)
  const whole = faults.length === 0
  console.log(`${chains} chains, ${entries} entries: ${whole ? 'every hash fits' : `${faults.length} broken`}`)
  if (whole && options.save !== undefined)
    await writeFile(options.save, `${JSON.stringify(await findHeads(db), null, 2)}\n`)
  return whole
}

/** Checks the audit chains and ends, with 1 when one is broken. Heads saved by an earlier run prove that nothing was cut off since. */
await runOnce(async (signal) => {
  const options = readOptions()
  const config = readConfig()
  const log = createLog('warn')
  const database = await openToRead(config, log, signal)
  const db = createDb(createPool(database.url, log, { max: 2, statementMilliseconds: STATEMENT_MILLISECONDS }))
  const whole = await check(db, options).finally(async () => {
    await db.destroy()
    await database.stop()
  })
  if (!whole) process.exit(1)
})

import { CannotStart } from './cannot-start.ts'
import { readConfig } from './config.ts'
import { issueSetUpCode } from './identity/members/first-admin.ts'
import { createLog } from './log.ts'
import { type Extension, type Foundation, type Rekey, startRekey } from './start.ts'

/** A closed terminal, Ctrl-C, and what every supervisor sends. */
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** Aborts at the first signal. It listens for good, since a second one must not cut the stop short. */
function watchSignals(): AbortSignal {
  const stopping = new AbortController()
  for (const signal of SIGNALS) process.on(signal, () => stopping.abort())
  return stopping.signal
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** Runs `work` and ends the process with 0. What keeps it from starting goes to standard error, and it ends with 1. */
export async function runOnce(work: (signal: AbortSignal) => Promise<void>): Promise<never> {
  const signal = watchSignals()
  try {
    await work(signal)
  } catch (error) {
    const gaveUp = error instanceof Error && error.name === 'AbortError'
    if (!gaveUp) {
      console.error(error instanceof CannotStart ? error.message : error)
      process.exit(1)
    }
  }
  process.exit(0)
}

/** Runs what `start` starts until a signal, and stops it then. A signal during the start may well break it; that is no failure. */
export async function runUntilSignal(start: (signal: AbortSignal) => Promise<Rekey>): Promise<never> {
  return runOnce(async (signal) => {
    const rekey = await start(signal).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
    await aborted(signal)
    await rekey?.stop()
  })
}

/** While there is no admin, whoever can read the log may become the first. */
async function offerSetUp({ config, db, log }: Foundation): Promise<Extension> {
  const setUpCode = config.roles.includes('web') ? await issueSetUpCode(db) : null
  if (setUpCode !== null) log.warn({ event: 'set_up.open', setUpCode, address: `${config.publicUrl}/set-up` })
  return () => {}
}

async function start(signal: AbortSignal): Promise<Rekey> {
  const config = readConfig()
  const log = createLog(config.logLevel)
  const rekey = await startRekey(config, log, { signal, prepare: offerSetUp })
  log.info({ event: 'ready', address: config.publicUrl })
  return rekey
}

if (import.meta.main) await runUntilSignal(start)

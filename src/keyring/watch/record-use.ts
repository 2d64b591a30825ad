import type { Db } from '../../database/connect.ts'
import { addRefusedUses, mergeNetworks, mergePermissions, mergeUses } from '../../database/watch/merge.ts'
import { errorFields, type Log } from '../../log.ts'
import { type Gathered, gather, gatherAll, nothingGathered, type Seen, sizeOf } from './gathered.ts'

const FLUSH_MILLISECONDS = 1_000

export type RecordUse = (seen: Seen) => void

/** All or nothing, so that what is tried again after a failure counts no refusal twice. */
async function write(db: Db, { uses, networks, permissions, refused }: Gathered): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await mergeUses(trx, [...uses.values()])
    await mergeNetworks(trx, [...networks.values()])
    await mergePermissions(trx, [...permissions.values()])
    await addRefusedUses(trx, [...refused.values()])
  })
}

/**
 * Gathers what verify answers in memory, off its path, and writes it in bulk once a second. First and last times are right whatever
 * is lost, repeated or comes from several nodes; a crash loses at most the last second, and only refusals, when the database's answer to
 * their commit is lost, may count twice. Nothing but what people are shown and told rests on it.
 */
export function startUseRecorder(db: Db, log: Log): { record: RecordUse; stop: () => Promise<void> } {
  let gathered = nothingGathered()

  async function flush(): Promise<void> {
    if (sizeOf(gathered) === 0) return
    const batch = gathered
    gathered = nothingGathered()
    try {
      await write(db, batch)
    } catch (error) {
      log.warn({ event: 'use.not_written', count: sizeOf(batch), ...errorFields(error) })
      gatherAll(gathered, batch)
    }
  }

  let running = Promise.resolve()
  const timer = setInterval(() => {
    running = running.then(flush)
  }, FLUSH_MILLISECONDS)

  async function stop(): Promise<void> {
    clearInterval(timer)
    await running
    await flush()
  }
  return { record: (seen) => gather(gathered, seen), stop }
}

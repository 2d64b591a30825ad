import type { Db } from '../database/connect.ts'
import { mergeUses, type Use } from '../database/keys/version-use.ts'
import { errorFields, type Log } from '../log.ts'

const FLUSH_MILLISECONDS = 1_000
/** While the database is away the memory stays bounded; beyond this, uses of further versions are not kept. */
const MAX_KEPT = 100_000

export type RecordUse = (versionId: string, at: Date, network: string | null) => void

/**
 * Gathers uses in memory, off the path of verify, and writes them in bulk once a second. A crash loses at most the last
 * second; nothing else rests on it.
 */
export function startUseRecorder(db: Db, log: Log): { record: RecordUse; stop: () => Promise<void> } {
  let uses = new Map<string, Use>()

  function record(versionId: string, at: Date, network: string | null): void {
    const known = uses.get(versionId)
    if (known !== undefined) Object.assign(known, { lastUsedAt: at, lastNetwork: network ?? known.lastNetwork })
    else if (uses.size < MAX_KEPT)
      uses.set(versionId, { versionId, firstUsedAt: at, lastUsedAt: at, lastNetwork: network })
  }

  async function flush(): Promise<void> {
    if (uses.size === 0) return
    const batch = uses
    uses = new Map()
    try {
      await mergeUses(db, [...batch.values()])
    } catch (error) {
      log.warn({ event: 'use.not_written', count: batch.size, ...errorFields(error) })
      for (const use of batch.values()) {
        const newer = uses.get(use.versionId)
        uses.set(use.versionId, newer === undefined ? use : { ...newer, firstUsedAt: use.firstUsedAt })
      }
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
  return { record, stop }
}

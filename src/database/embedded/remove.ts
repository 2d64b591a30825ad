import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CannotStart } from '../../cannot-start.ts'
import { isInUse } from './lock.ts'

const ORPHAN_MILLISECONDS = 3_000

/** Removes the cluster in `dataDir`, for good. Throws a sentence while another Rekey uses it. */
export async function removeEmbeddedPostgres(dataDir: string): Promise<void> {
  const folder = join(dataDir, 'postgres')
  const deadline = Date.now() + ORPHAN_MILLISECONDS
  while (isInUse(folder)) {
    if (Date.now() > deadline) throw new CannotStart(`Another Rekey already uses the data folder ${dataDir}.`)
    await sleep(100)
  }
  const going = `${folder}.new-gone`
  await rm(going, { recursive: true, force: true })
  await rename(folder, going).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  })
  await rm(going, { recursive: true, force: true })
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from '../database/connect.ts'
import { findImport, type ImportView } from '../database/imports.ts'
import { carryOutImport } from '../keyring/imports/carry-out.ts'
import { Refusal } from '../rules/refusals.ts'

/** Whoever sent a small file gets its outcome at once; a large one goes on by itself. */
const AT_MOST_MILLISECONDS = 5_000

/** The import. Refuses NOT_FOUND. */
export async function readImport(db: Db, id: string): Promise<ImportView> {
  const found = await findImport(db, id)
  if (found === undefined) throw new Refusal('NOT_FOUND')
  return found
}

/** Carries an import out for some seconds, beside the workers, and says how far it is. */
export async function carryOutForAWhile(db: Db, id: string): Promise<ImportView> {
  const end = performance.now() + AT_MOST_MILLISECONDS
  for (;;) {
    const worked = await carryOutImport(db, id)
    const now = await readImport(db, id)
    if (now.status !== 'running' || performance.now() > end) return now
    if (!worked) await sleep(100)
  }
}

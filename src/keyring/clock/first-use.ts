import { clock, type Db } from '../../database/connect.ts'
import type { Actor } from '../../rules/permissions.ts'
import { lockClock, runClock } from './run.ts'

const BY_DESK = { kind: 'desk' } as const satisfies Actor

type Used = { versionId: string; organisationId: string }

async function start(db: Db, { versionId, organisationId }: Used): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const waiting = await lockClock(trx, { versionId, event: 'on_first_use', organisationId })
    if (waiting === null) return
    await runClock(trx, waiting, BY_DESK, await clock(trx))
  })
}

/** What is being committed right now: of many first calls at once one goes, so that they don't use up verify's connections. */
const underWay = new Map<string, Promise<void>>()

/**
 * A version whose clock waits for its first use is used: its predecessor's new end is committed when this returns, whoever else used it at
 * the same moment. Done already, it changes nothing.
 */
export async function commitFirstUse(db: Db, used: Used): Promise<void> {
  const running = underWay.get(used.versionId)
  if (running !== undefined) return running
  const starting = start(db, used).finally(() => underWay.delete(used.versionId))
  underWay.set(used.versionId, starting)
  return starting
}

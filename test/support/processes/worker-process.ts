import { parseArgs } from 'node:util'
import { createDb, createPool, type Db } from '../../../src/database/connect.ts'
import { claimDueRotation, lockItems, lockKeys } from '../../../src/database/rotations/locks.ts'
import { carryOutNextDue } from '../../../src/desk/carry-out.ts'
import { makeVersion } from '../../../src/keyring/make-version.ts'
import { createLog } from '../../../src/log.ts'
import { openMail } from '../../../src/outbox/deliver.ts'
import { createAddressCheck } from '../../../src/outbox/webhooks/addresses.ts'
import { openWebhooks } from '../../../src/outbox/webhooks/deliver.ts'
import { startWorker } from '../../../src/worker/loop.ts'
import { maker } from '../worlds/desk-world.ts'

// A worker in a process of its own, which kills itself with SIGKILL when it reaches the point it was told.
const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    smtp: { type: 'string' },
    die: { type: 'string' },
    wrong: { type: 'boolean' },
  },
})
const log = createLog('error')
const db = createDb(createPool(values.database ?? '', log, { max: 10, statementMilliseconds: 10_000 }))

function reached(point: string): void {
  if (point === values.die) process.kill(process.pid, 'SIGKILL')
}

/** The mistake the invariants must catch: the key is made in one transaction and the item moved in another. */
async function carryOutWrongly(db: Db): Promise<void> {
  const made = await db.transaction().execute(async (trx) => {
    const rotation = await claimDueRotation(trx)
    const [item] = rotation === undefined ? [] : await lockItems(trx, rotation.ref)
    const [key] = item === undefined ? [] : await lockKeys(trx, [item.keyId])
    if (key === undefined || item?.status !== 'pending') return false
    await makeVersion(trx, maker, key, new Date(), null)
    return true
  })
  if (made) reached('execute.committed')
  await carryOutNextDue(db, maker)
}

const sender = { mailFrom: 'rekey@desk.test', mailReplyTo: undefined, publicUrl: 'https://desk.test' }
const mail = openMail({ ...sender, smtpUrl: values.smtp })
if (values.wrong) {
  for (;;) await carryOutWrongly(db)
} else {
  const webhooks = openWebhooks({ sealer: maker.sealer, check: createAddressCheck(['127.0.0.1']) })
  const worker = startWorker({ db, maker, mail, webhooks, log, reached })
  process.once('SIGTERM', async () => {
    await worker.stop()
    mail?.close()
    await db.destroy()
  })
}

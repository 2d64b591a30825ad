import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from '../database/connect.ts'
import { leaveSign } from '../database/health.ts'
import { isUnreachable } from '../database/unreachable.ts'
import { carryOutNextDue, type WorkMilestone } from '../desk/carry-out.ts'
import { expireNextUndecided } from '../desk/expire.ts'
import { writeNextDigest } from '../desk/mail/digest.ts'
import { remindNextDue } from '../desk/mail/remind.ts'
import { recomputeNextMonth } from '../desk/reports.ts'
import { answerNextAccessRequest } from '../identity/recovery/request.ts'
import type { KeyMaker } from '../keyring/make-version.ts'
import { errorFields, type Log } from '../log.ts'
import { deliverDueLetters, type LetterMilestone, type Mail } from '../outbox/deliver.ts'
import {
  finishWebhooks,
  startDueWebhooks,
  type WebhookMilestone,
  type WebhookSender,
} from '../outbox/webhooks/deliver.ts'

/** Work starts within this of its due time, on an idle desk. */
const IDLE_MILLISECONDS = 250
const AFTER_ERROR_MILLISECONDS = 500
/** A letter or webhook that is still not taken this long after a stop is broken off, and goes out later. */
const LAST_LETTER_MILLISECONDS = 2_000
/** Rotations carried out side by side by one worker. */
const AT_ONCE = 4

/** Does pieces of work, one after the other, until stopped; sleeps when there is none. Nothing that work throws ends it. */
async function repeat(name: string, log: Log, stopped: AbortSignal, work: () => Promise<boolean>): Promise<void> {
  let away = false
  while (!stopped.aborted) {
    let pause = 0
    try {
      if (!(await work())) pause = IDLE_MILLISECONDS
      away = false
    } catch (error) {
      // Said once: an hour without the database would fill the log with what everybody knows by then.
      if (!isUnreachable(error)) log.error({ event: `${name}.failed`, ...errorFields(error) })
      else if (!away) log.warn({ event: `${name}.waits_for_database`, ...errorFields(error) })
      away = isUnreachable(error)
      pause = AFTER_ERROR_MILLISECONDS
    }
    if (pause > 0) await sleep(pause, undefined, { signal: stopped }).catch(() => {})
  }
}

type WorkerParts = {
  db: Db
  maker: KeyMaker
  /** Null while there is no mail server: letters then wait. */
  mail: Mail | null
  /** Left out, webhooks wait. */
  webhooks?: WebhookSender
  log: Log
  reached?: (WorkMilestone & LetterMilestone & WebhookMilestone) | undefined
}

/**
 * Starts a worker. Any number may run side by side, here or elsewhere: what one holds the others pass over. Letters go out in a loop of
 * their own, so that a slow mail server never delays a rotation. `stop` waits for the pieces of work at hand, and closes the way to the
 * mail server.
 */
export function startWorker({ db, maker, mail, webhooks, log, reached }: WorkerParts): { stop: () => Promise<void> } {
  const stopping = new AbortController()
  const loops = Array.from({ length: AT_ONCE }, () =>
    repeat('rotation', log, stopping.signal, () => carryOutNextDue(db, maker, reached)),
  )
  loops.push(repeat('lost_access', log, stopping.signal, () => answerNextAccessRequest(db)))
  loops.push(repeat('expiry', log, stopping.signal, () => expireNextUndecided(db)))
  loops.push(repeat('reminders', log, stopping.signal, () => remindNextDue(db)))
  loops.push(repeat('reports', log, stopping.signal, () => recomputeNextMonth(db)))
  loops.push(repeat('digest', log, stopping.signal, () => writeNextDigest(db)))
  loops.push(repeat('sign', log, stopping.signal, () => leaveSign(db)))
  if (mail !== null) {
    const options = { reached, stopped: stopping.signal }
    loops.push(
      repeat('letters', log, stopping.signal, async () => (await deliverDueLetters(db, mail, log, options)) > 0),
    )
  }
  if (webhooks !== undefined) {
    loops.push(repeat('webhooks', log, stopping.signal, () => startDueWebhooks(db, webhooks, log, reached)))
  }
  function close(): void {
    mail?.close()
    webhooks?.close()
  }
  async function stop(): Promise<void> {
    stopping.abort()
    const cut = setTimeout(close, LAST_LETTER_MILLISECONDS)
    await Promise.all(loops)
    if (webhooks !== undefined) await finishWebhooks(webhooks)
    clearTimeout(cut)
    close()
  }
  return { stop }
}

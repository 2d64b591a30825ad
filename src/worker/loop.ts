import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from '../database/connect.ts'
import { leaveSign } from '../database/health.ts'
import { isUnreachable } from '../database/unreachable.ts'
import { watchNextAges } from '../desk/ages/watch.ts'
import { carryOutNextDue, type WorkMilestone } from '../desk/carry-out.ts'
import { expireNextUndecided } from '../desk/expire.ts'
import { writeNextDigest } from '../desk/mail/digest.ts'
import { remindNextDue } from '../desk/mail/remind.ts'
import { recomputeNextMonth } from '../desk/reports.ts'
import { answerNextAccessRequest } from '../identity/recovery/request.ts'
import { carryOutImport } from '../keyring/imports/carry-out.ts'
import type { KeyMaker } from '../keyring/make-version.ts'
import { forgetNextUse } from '../keyring/watch/forget.ts'
import { remindOfNextReview } from '../keyring/watch/remind-of-review.ts'
import { weighNextUse } from '../keyring/watch/weigh.ts'
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
/** The same for what nobody waits for by the second, so that an idle desk asks its database less often. */
const UNHURRIED_MILLISECONDS = 2_000
/** The same for what is late by days. */
const SELDOM_MILLISECONDS = 600_000
const AFTER_ERROR_MILLISECONDS = 500
/** A letter or webhook that is still not taken this long after a stop is broken off, and goes out later. */
const LAST_LETTER_MILLISECONDS = 2_000
/** Rotations carried out side by side by one worker. */
const AT_ONCE = 4

type Repeated = { name: string; log: Log; stopped: AbortSignal; idle?: number }

/** Does pieces of work, one after the other, until stopped; sleeps when there is none. Nothing that work throws ends it. */
async function repeat(
  { name, log, stopped, idle = IDLE_MILLISECONDS }: Repeated,
  work: () => Promise<boolean>,
): Promise<void> {
  let away = false
  while (!stopped.aborted) {
    let pause = 0
    try {
      if (!(await work())) pause = idle
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
  const soon = (name: string) => ({ name, log, stopped: stopping.signal })
  const unhurried = (name: string) => ({ ...soon(name), idle: UNHURRIED_MILLISECONDS })
  const seldom = (name: string) => ({ ...soon(name), idle: SELDOM_MILLISECONDS })
  const loops = Array.from({ length: AT_ONCE }, () =>
    repeat(soon('rotation'), () => carryOutNextDue(db, maker, reached)),
  )
  loops.push(
    repeat(soon('lost_access'), () => answerNextAccessRequest(db)),
    repeat(unhurried('import'), () => carryOutImport(db)),
    repeat(unhurried('expiry'), () => expireNextUndecided(db)),
    repeat(unhurried('reminders'), () => remindNextDue(db)),
    repeat(unhurried('reports'), () => recomputeNextMonth(db)),
    repeat(unhurried('ages'), () => watchNextAges(db)),
    repeat(unhurried('digest'), () => writeNextDigest(db)),
    repeat(unhurried('suspicions'), () => weighNextUse(db)),
    repeat(unhurried('reviews'), () => remindOfNextReview(db)),
    repeat(seldom('retention'), () => forgetNextUse(db)),
    repeat(unhurried('sign'), () => leaveSign(db)),
  )
  if (mail !== null) {
    const options = { reached, stopped: stopping.signal }
    loops.push(repeat(soon('letters'), async () => (await deliverDueLetters(db, mail, log, options)) > 0))
  }
  if (webhooks !== undefined) {
    loops.push(repeat(soon('webhooks'), () => startDueWebhooks(db, webhooks, log, reached)))
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

import { setTimeout as sleep } from 'node:timers/promises'
import nodemailer from 'nodemailer'
import type { Db } from '../database/connect.ts'
import {
  claimDueLetters,
  giveUpLetter,
  type LetterRow,
  markLetterSent,
  postponeLetter,
} from '../database/letters/queue.ts'
import { errorFields, type Log } from '../log.ts'
import { readFailure, waitSeconds } from './failures.ts'
import { composeMessage, type Sender } from './message.ts'

/** Letters under way at once, each over a connection of its own. */
const CONNECTIONS = 10
/** A sending that takes longer is broken off; the lease is longer still, so no letter is sent twice at a time. */
const SEND_MILLISECONDS = 30_000
const LEASE_SECONDS = 60
/** One call takes up new letters for this long at most, so that whoever calls gets to stop in between. */
const CALL_MILLISECONDS = 5_000
const WAITS_FOR_DATABASE_MILLISECONDS = [100, 400, 1_600, 6_400]
/** While the server is away it is asked this seldom; so soon after it is back, letters flow again. */
const LONGEST_PAUSE_MILLISECONDS = 10_000

export type MailSettings = Sender & { smtpUrl: string | undefined }

/** The way to the mail server: pooled connections that open when first needed. */
export type Mail = {
  sender: Sender
  send(letter: LetterRow): Promise<void>
  /** How often in a row a sending failed for the server's sake; above 0, one letter is enough to ask whether it is back. */
  failures: number
  /** No sooner than this is it asked again, by `performance.now()`. */
  pausedUntil: number
  /** Breaks off what is being sent and closes the connections. */
  close(): void
}

/** The mail server of `SMTP_URL`, or null when that is unset: letters then wait. */
export function openMail(settings: MailSettings): Mail | null {
  if (settings.smtpUrl === undefined) return null
  const { mailFrom, mailReplyTo, publicUrl } = settings
  const sender = { mailFrom, mailReplyTo, publicUrl }
  const transport = nodemailer.createTransport({
    url: settings.smtpUrl,
    pool: true,
    maxConnections: CONNECTIONS,
    // a connection that closes in the middle is our business: what was sent over it waits for its next attempt
    maxRequeues: 0,
    idleTimeout: 10_000,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    sender,
    failures: 0,
    pausedUntil: 0,
    async send(letter) {
      await transport.sendMail({ ...composeMessage(letter, sender), signal: AbortSignal.timeout(SEND_MILLISECONDS) })
    },
    close: () => transport.close({ force: true }),
  }
}

/** Called at named points of a delivery, so that whoever runs it can count or stop there. */
export type LetterMilestone = (name: 'letter.claimed' | 'letter.accepted') => void | Promise<void>

type Delivery = { db: Db; mail: Mail; log: Log; reached: LetterMilestone; mayTakeMore: () => boolean }

/** The server has the letter, so the row has to say so even when the database is away for a moment. */
async function markSent({ db, log }: Delivery, letter: LetterRow): Promise<void> {
  for (const wait of WAITS_FOR_DATABASE_MILLISECONDS) {
    try {
      return await markLetterSent(db, letter.id)
    } catch (error) {
      log.warn({ event: 'letter.not_marked', letter: letter.id, ...errorFields(error) })
      await sleep(wait)
    }
  }
  await markLetterSent(db, letter.id)
}

/** Letters that fail together count as one failure of the server. */
function pause(mail: Mail): void {
  const now = performance.now()
  if (now < mail.pausedUntil) return
  mail.failures++
  mail.pausedUntil = now + Math.min(250 * 2 ** mail.failures, LONGEST_PAUSE_MILLISECONDS)
}

async function recordFailure({ db, mail, log }: Delivery, letter: LetterRow, error: unknown): Promise<void> {
  const failure = readFailure(error)
  if (failure.scope === 'server') pause(mail)
  const seconds = waitSeconds(failure, letter.attempts, Math.random())
  const fields = { letter: letter.id, kind: letter.kind, attempts: letter.attempts, error: failure.words }
  if (seconds === null) {
    log.error({ event: 'letter.given_up', ...fields })
    await giveUpLetter(db, letter, failure.words)
  } else {
    log.warn({ event: 'letter.postponed', ...fields })
    await postponeLetter(db, letter, seconds, failure.words)
  }
}

/** Sends one claimed letter outside any transaction and writes down how it went. Whether the server accepted it. */
async function deliver(delivery: Delivery, letter: LetterRow): Promise<boolean> {
  const { mail, log, reached } = delivery
  await reached('letter.claimed')
  try {
    await mail.send(letter)
  } catch (error) {
    await recordFailure(delivery, letter, error)
    return false
  }
  mail.failures = 0
  await reached('letter.accepted')
  await markSent(delivery, letter)
  log.info({ event: 'letter.sent', letter: letter.id, kind: letter.kind, attempts: letter.attempts })
  return true
}

/** Delivers `first` and then whatever else is due, one after the other. How many the server accepted. */
async function deliverFrom(delivery: Delivery, first: LetterRow): Promise<number> {
  let accepted = 0
  let letter: LetterRow | undefined = first
  while (letter !== undefined) {
    if (await deliver(delivery, letter)) accepted++
    const goesOn: boolean = delivery.mayTakeMore() && delivery.mail.failures === 0
    letter = goesOn ? (await claimDueLetters(delivery.db, 1, LEASE_SECONDS))[0] : undefined
  }
  return accepted
}

type Options = { reached?: LetterMilestone | undefined; stopped?: AbortSignal | undefined }

/**
 * Delivers letters that are due, ten at a time, for some seconds; how many the server accepted. Any number of callers may do so side by
 * side. Each letter is claimed with a lease, sent, and then marked, so one whose carrier dies is due again within a minute, under the same
 * Message-ID. While the server is away a call tries a single letter, or none if one was tried just before. Throws only when the database fails.
 */
export async function deliverDueLetters(db: Db, mail: Mail, log: Log, options: Options = {}): Promise<number> {
  if (performance.now() < mail.pausedUntil) return 0
  const end = performance.now() + CALL_MILLISECONDS
  const probing = mail.failures > 0
  const delivery = {
    db,
    mail,
    log,
    reached: options.reached ?? (() => {}),
    mayTakeMore: () => !probing && performance.now() < end && options.stopped?.aborted !== true,
  }
  const first = await claimDueLetters(db, probing ? 1 : CONNECTIONS, LEASE_SECONDS)
  const results = await Promise.allSettled(first.map((letter) => deliverFrom(delivery, letter)))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return results.reduce((sum, result) => sum + (result.status === 'fulfilled' ? result.value : 0), 0)
}

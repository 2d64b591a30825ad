import type { Backlog, Health } from '../../database/health.ts'
import type { TroubledLetter } from '../../database/letters/troubled.ts'
import { LETTER_KINDS } from '../../outbox/preview.ts'
import { count } from '../../rules/text/words.ts'
import { KIND_NAMES } from './letter-kinds.ts'
import { howLongAgo, type ShownTime, shownTime } from './times.ts'

/** Without a sign of a worker for this long, nothing that is due gets done. */
const WORKER_MISSING_MILLISECONDS = 60_000
/** Work that is due starts within a second; this late, something is wrong. */
const LATE_MILLISECONDS = 60_000
/** A letter may meet a mail server that is busy for a while. */
const SENDING_LATE_MILLISECONDS = 600_000

export type Check = { name: string; good: boolean; says: string; at: ShownTime | null }
type Looked = { health: Health; timeZone: string }

function backlogCheck(
  { health, timeZone }: Looked,
  { name, noun, backlog, lateAfter }: { name: string; noun: string; backlog: Backlog; lateAfter: number },
): Check {
  const { oldest } = backlog
  if (oldest === null) return { name, good: true, says: 'Nothing waits.', at: null }
  const good = health.now.getTime() - oldest.getTime() < lateAfter
  const says = `${count(backlog.count, noun)}, the oldest ${howLongAgo(oldest, health.now)}:`
  return { name, good, says, at: shownTime(oldest, timeZone) }
}

function workerCheck({ health: { workerSeenAt, now }, timeZone }: Looked): Check {
  const name = 'Worker'
  if (workerSeenAt === null) {
    return { name, good: false, says: 'None was ever seen. Start one: its ROLES have to name worker.', at: null }
  }
  const good = now.getTime() - workerSeenAt.getTime() < WORKER_MISSING_MILLISECONDS
  const seen = howLongAgo(workerSeenAt, now)
  const says = good
    ? `At work, seen ${seen}:`
    : `Not seen any more, so nothing that is due gets done. Last seen ${seen}:`
  return { name, good, says, at: shownTime(workerSeenAt, timeZone) }
}

function mailCheck({ health: { lastLetterSentAt, now }, timeZone }: Looked, mailIsSet: boolean): Check {
  const name = 'Mail server'
  if (!mailIsSet)
    return { name, good: false, says: 'None is set; letters wait. Set SMTP_URL and start again.', at: null }
  if (lastLetterSentAt === null) return { name, good: true, says: 'Set; no letter was sent yet.', at: null }
  const says = `Set; it last took a letter ${howLongAgo(lastLetterSentAt, now)}:`
  return { name, good: true, says, at: shownTime(lastLetterSentAt, timeZone) }
}

/** How the desk itself is, in words: what an administrator has to look at stands out. */
export function checksOf(looked: Looked, facts: { mailIsSet: boolean; migrated: boolean; version: string }): Check[] {
  const { databaseVersion, items, reminders, letters, webhooks } = looked.health
  const tables = facts.migrated ? 'its tables are up to date' : 'its tables are older than this program'
  const due = { lateAfter: LATE_MILLISECONDS }
  const sending = { lateAfter: SENDING_LATE_MILLISECONDS }
  return [
    workerCheck(looked),
    { name: 'Database', good: facts.migrated, says: `PostgreSQL ${databaseVersion}; ${tables}.`, at: null },
    mailCheck(looked, facts.mailIsSet),
    backlogCheck(looked, { name: 'Keys due to be made or stopped', noun: 'key', backlog: items, ...due }),
    backlogCheck(looked, { name: 'Reminders due', noun: 'reminder', backlog: reminders, ...due }),
    backlogCheck(looked, { name: 'Letters to send', noun: 'letter', backlog: letters, ...sending }),
    backlogCheck(looked, { name: 'Webhooks to deliver', noun: 'webhook', backlog: webhooks, ...sending }),
    { name: 'Version', good: true, says: `Rekey ${facts.version}`, at: null },
  ]
}

/** A letter that could not be sent, with the server's answer and never what it says. */
export function shownTroubled(letter: TroubledLetter, timeZone: string) {
  const kind = LETTER_KINDS.find((known) => known === letter.kind)
  return {
    id: letter.id,
    name: kind === undefined ? letter.kind : KIND_NAMES[kind].name,
    to: letter.toAddress,
    ref: letter.thread,
    writtenAt: shownTime(letter.createdAt, timeZone),
    givenUp: letter.gaveUpAt !== null,
    tries: letter.attempts === 1 ? 'once' : `${letter.attempts} times`,
    error: letter.lastError ?? '',
  }
}

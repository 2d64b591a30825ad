import { sql } from 'kysely'
import { afterAll } from 'vitest'
import type { Db } from '../../src/database/connect.ts'
import type { LetterRow } from '../../src/database/letters/queue.ts'
import { createLog, type Log } from '../../src/log.ts'
import { deliverDueLetters, type Mail, openMail } from '../../src/outbox/deliver.ts'

export const DESK = {
  publicUrl: 'https://desk.example.com',
  mailFrom: 'rekey@desk.example.com',
  mailReplyTo: 'support@example.com',
}

export const log: Log = createLog('fatal')

/** A way to the mail server as the program opens it; closed after the file. */
export function openTestMail(smtpUrl: string, changes: Partial<typeof DESK> = {}): Mail {
  const mail = openMail({ ...DESK, smtpUrl, ...changes })
  if (mail === null) throw new Error('no mail without an address')
  afterAll(() => mail.close())
  return mail
}

export function allLetters(db: Db): Promise<LetterRow[]> {
  return db.selectFrom('letter').selectAll().orderBy('id').execute()
}

/** The letter to `address`; tests give each letter an address of its own. */
export function letterTo(db: Db, address: string): Promise<LetterRow> {
  return db.selectFrom('letter').selectAll().where('toAddress', '=', address).executeTakeFirstOrThrow()
}

/** Lets the waits and leases of all open letters be over, and the mail server's pause too. */
export async function letTimePass(db: Db, mail: Mail): Promise<void> {
  await db
    .updateTable('letter')
    .set({ nextAttemptAt: sql<Date>`clock_timestamp() - interval '1 second'` })
    .where('nextAttemptAt', 'is not', null)
    .execute()
  mail.pausedUntil = 0
}

/** Seconds from now until the letter is due again. */
export async function secondsUntilDue(db: Db, address: string): Promise<number> {
  const letter = await db
    .selectFrom('letter')
    .select(sql<number>`extract(epoch from next_attempt_at - clock_timestamp())::float8`.as('seconds'))
    .where('toAddress', '=', address)
    .executeTakeFirstOrThrow()
  return letter.seconds
}

/** Delivers, with time passing in between, until nothing waits. */
export async function deliverAll(db: Db, mail: Mail): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await deliverDueLetters(db, mail, log)
    const open = await db.selectFrom('letter').select('id').where('nextAttemptAt', 'is not', null).execute()
    if (open.length === 0) return
    await letTimePass(db, mail)
  }
  throw new Error('letters are still waiting after 20 rounds')
}

import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/database/connect.ts'
import { deliverDueLetters, type Mail } from '../../src/outbox/deliver.ts'
import { log, openTestMail } from '../outbox/delivery-world.ts'
import { putSample, sampleLetter } from '../outbox/sample-letters.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, type MailServer, startMailServer } from '../support/smtp.ts'

const THIRTY_MINUTES = 30 * 60_000

async function putMany(db: Db, count: number): Promise<void> {
  for (let from = 0; from < count; from += 1_000) {
    const letters = Array.from({ length: Math.min(1_000, count - from) }, (_, index) =>
      sampleLetter(`person${from + index}@acme.example`),
    )
    await putSample(db, ...letters)
  }
}

async function openLetters(db: Db): Promise<number> {
  const { rows } = await sql<{ count: string }>`select count(*) from letter where next_attempt_at is not null`.execute(
    db,
  )
  return Number(rows[0]?.count)
}

/** Delivers as a worker does, in a loop with short pauses, until no letter is open. */
async function work(db: Db, mail: Mail): Promise<void> {
  while ((await openLetters(db)) > 0) {
    if ((await deliverDueLetters(db, mail, log)) === 0) await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

/** I5: every letter was accepted; one that came again came after an answer that was lost, with the same Message-ID. */
function breaches(server: MailServer, count: number): string[] {
  const found: string[] = []
  for (let index = 0; index < count; index++) {
    const address = `person${index}@acme.example`
    const mails = server.to(address)
    const answered = mails.filter((mail) => mail.answered).length
    if (answered !== 1) found.push(`${address} was accepted ${answered} times`)
    if (new Set(mails.map((mail) => mail.parsed.messageId)).size !== 1) found.push(`${address} has several Message-IDs`)
  }
  return found
}

test('10 000 letters that waited through an outage are out within 30 minutes of its end, each once', async () => {
  const { db } = await openTestDatabase()
  const server = await startMailServer()
  server.answer = () => ({ does: 'stall', milliseconds: 50 })
  const mail = openTestMail(server.url)
  await putMany(db, 10_000)
  await server.stop()
  for (let round = 0; round < 5; round++) {
    mail.pausedUntil = 0
    await deliverDueLetters(db, mail, log)
  }
  await server.start()
  const began = performance.now()
  await work(db, mail)
  const milliseconds = performance.now() - began
  console.log(`10 000 letters took ${Math.round(milliseconds / 1000)} s`)
  expect(milliseconds).toBeLessThan(THIRTY_MINUTES)
  expect(server.received).toHaveLength(10_000)
})

test('a mail server that refuses, drops and restarts at random gets every letter, from three workers at once', async () => {
  const { db } = await openTestDatabase()
  const server = await startMailServer()
  const faults: Answer[] = [
    { does: 'drop' },
    { does: 'refuse', code: 451, at: 'data' },
    { does: 'refuse', code: 450, at: 'recipient' },
    { does: 'stall', milliseconds: 100 },
  ]
  server.answer = () =>
    (Math.random() < 0.15 ? faults[Math.floor(Math.random() * faults.length)] : undefined) ?? { does: 'accept' }
  await putMany(db, 1_000)
  const mails = [1, 2, 3].map(() => openTestMail(server.url))
  let restarts = 0
  const restarting = setInterval(async () => {
    if (++restarts > 5) return clearInterval(restarting)
    await server.stop()
    await server.start()
  }, 3_000)
  await Promise.all(mails.map((mail) => work(db, mail)))
  clearInterval(restarting)
  expect(breaches(server, 1_000)).toEqual([])
})

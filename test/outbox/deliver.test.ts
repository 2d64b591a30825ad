import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { deliverDueLetters, openMail } from '../../src/outbox/deliver.ts'
import { readFailure } from '../../src/outbox/failures.ts'
import { openTestDatabase } from '../support/database.ts'
import { startMailServer } from '../support/smtp.ts'
import {
  allLetters,
  DESK,
  deliverAll,
  letTimePass,
  letterTo,
  log,
  openTestMail,
  secondsUntilDue,
} from './delivery-world.ts'
import { putSample, sampleLetter } from './sample-letters.ts'

const { db } = await openTestDatabase()
const server = await startMailServer()
const mail = openTestMail(server.url)
const ADA = 'ada@acme.example'

beforeEach(async () => {
  await db.deleteFrom('letter').execute()
  server.received.length = 0
  server.answer = () => ({ does: 'accept' })
  mail.failures = 0
  mail.pausedUntil = 0
})

async function putMany(count: number): Promise<void> {
  await putSample(db, ...Array.from({ length: count }, (_, index) => sampleLetter(`person${index}@acme.example`)))
}

/** How often each address got a mail. */
function timesReceived(): number[] {
  const times = new Map<string, number>()
  for (const { recipients } of server.received) {
    for (const address of recipients) times.set(address, (times.get(address) ?? 0) + 1)
  }
  return [...times.values()]
}

test('with SMTP_URL unset there is no way to a mail server, so letters wait untouched', async () => {
  await putSample(db, sampleLetter(ADA))
  expect(openMail({ ...DESK, smtpUrl: undefined })).toBeNull()
  expect(await letterTo(db, ADA)).toMatchObject({ attempts: 0, sentAt: null, gaveUpAt: null })
})

test('a letter that is not due yet stays', async () => {
  await putSample(db, sampleLetter(ADA, { at: new Date(Date.now() + 60_000) }))
  expect(await deliverDueLetters(db, mail, log)).toBe(0)
  expect(server.received).toEqual([])
})

describe('refused for now (4xx)', () => {
  test('a letter is tried again later and arrives once', async () => {
    server.answer = () => ({ does: 'refuse', code: 451, at: 'recipient' })
    await putSample(db, sampleLetter(ADA))
    expect(await deliverDueLetters(db, mail, log)).toBe(0)
    const waiting = await letterTo(db, ADA)
    expect(waiting.lastError).toMatch(/^The mail server answered "451 refused by the test" to RCPT TO/)
    expect(await secondsUntilDue(db, ADA)).toBeGreaterThan(0.5)
    server.answer = () => ({ does: 'accept' })
    await deliverAll(db, mail)
    expect(server.to(ADA)).toHaveLength(1)
    expect(await letterTo(db, ADA)).toMatchObject({ attempts: 2, lastError: null })
  })

  test('the waits grow and never pass five minutes, and the letter is never given up', async () => {
    server.answer = () => ({ does: 'refuse', code: 452, at: 'data' })
    await putSample(db, sampleLetter(ADA))
    const waits: number[] = []
    for (let attempt = 1; attempt <= 12; attempt++) {
      await deliverDueLetters(db, mail, log)
      waits.push(await secondsUntilDue(db, ADA))
      await letTimePass(db, mail)
    }
    waits.forEach((wait, index) => {
      const longest = Math.min(2 * 2 ** index, 300)
      expect(wait).toBeGreaterThan(longest / 2 - 1)
      expect(wait).toBeLessThanOrEqual(longest)
    })
    expect((await letterTo(db, ADA)).gaveUpAt).toBeNull()
  })

  test('it holds up no other letter', async () => {
    server.answer = (to) => (to === ADA ? { does: 'refuse', code: 450, at: 'recipient' } : { does: 'accept' })
    await putSample(db, sampleLetter(ADA))
    await putMany(30)
    expect(await deliverDueLetters(db, mail, log)).toBe(30)
  })
})

describe('refused for good (5xx)', () => {
  test('a letter is given up after three tries, with the answer in words', async () => {
    server.answer = () => ({ does: 'refuse', code: 550, at: 'recipient' })
    await putSample(db, sampleLetter(ADA))
    await deliverAll(db, mail)
    const letter = await letterTo(db, ADA)
    expect(letter).toMatchObject({ attempts: 3, sentAt: null, nextAttemptAt: null })
    expect(letter.gaveUpAt).toBeInstanceOf(Date)
    expect(letter.lastError).toMatch(/^The mail server answered "550 refused by the test" to RCPT TO/)
    await letTimePass(db, mail)
    expect(await deliverDueLetters(db, mail, log)).toBe(0)
  })

  test('a server that changes its mind gets the letter', async () => {
    server.answer = () => ({ does: 'refuse', code: 554, at: 'data' })
    await putSample(db, sampleLetter(ADA))
    await deliverDueLetters(db, mail, log)
    server.answer = () => ({ does: 'accept' })
    await deliverAll(db, mail)
    expect(server.to(ADA)).toHaveLength(1)
  })
})

test('what a server answers is kept without secrets and in one short line', () => {
  const secret = `rk_auth_live_${'a'.repeat(38)}`
  const error = Object.assign(new Error('refused'), {
    command: 'DATA',
    responseCode: 550,
    response: `550 bad\r\n${secret} ${'x'.repeat(500)}`,
  })
  const { words } = readFailure(error)
  expect(words).not.toContain(secret)
  expect(words).not.toMatch(/[\r\n]/)
  expect(words.length).toBeLessThanOrEqual(300)
})

test('a connection dropped after the final dot: the letter comes again with the same Message-ID and Date', async () => {
  server.answer = () => ({ does: 'drop' })
  await putSample(db, sampleLetter(ADA))
  await deliverDueLetters(db, mail, log)
  expect(server.to(ADA)).toHaveLength(1)
  expect((await letterTo(db, ADA)).sentAt).toBeNull()
  server.answer = () => ({ does: 'accept' })
  await deliverAll(db, mail)
  const [lost, kept, ...more] = server.to(ADA)
  expect(more).toEqual([])
  expect([lost?.answered, kept?.answered]).toEqual([false, true])
  expect(kept?.parsed.messageId).toBe(lost?.parsed.messageId)
  expect(kept?.header('date')).toBe(lost?.header('date'))
})

test('a server that is down: letters wait, one is tried at a time, and all arrive once when it is back', async () => {
  await putMany(40)
  await server.stop()
  await deliverDueLetters(db, mail, log)
  expect(mail.failures).toBe(1)
  expect(await deliverDueLetters(db, mail, log)).toBe(0)
  mail.pausedUntil = 0
  await deliverDueLetters(db, mail, log)
  const tried = (await allLetters(db)).reduce((sum, letter) => sum + letter.attempts, 0)
  expect(tried).toBe(11)
  const failed = (await allLetters(db)).filter((letter) => letter.lastError !== null)
  for (const letter of failed)
    expect(letter.lastError).toMatch(/^The mail server gave no answer: .*(ECONNREFUSED|closed)/)
  await server.start()
  await deliverAll(db, mail)
  expect(timesReceived()).toEqual(Array(40).fill(1))
})

test('a server that was restarted between two letters gets the second at the first try', async () => {
  await putSample(db, sampleLetter('one@acme.example'))
  await deliverDueLetters(db, mail, log)
  await server.stop()
  await server.start()
  await putSample(db, sampleLetter('two@acme.example'))
  await deliverDueLetters(db, mail, log)
  expect((await letterTo(db, 'two@acme.example')).attempts).toBe(1)
  expect(server.to('two@acme.example')).toHaveLength(1)
})

test('several deliverers at once send each letter once', async () => {
  await putMany(100)
  const mails = [mail, openTestMail(server.url), openTestMail(server.url)]
  let accepted = 0
  while (accepted < 100) {
    const counts = await Promise.all(mails.map((each) => deliverDueLetters(db, each, log)))
    accepted += counts.reduce((sum, count) => sum + count, 0)
  }
  expect(accepted).toBe(100)
  expect(timesReceived()).toEqual(Array(100).fill(1))
})

test('a slow server gets several letters at a time, over no more than ten connections', async () => {
  server.answer = () => ({ does: 'stall', milliseconds: 200 })
  server.peak = 0
  await putMany(20)
  const began = performance.now()
  expect(await deliverDueLetters(db, mail, log)).toBe(20)
  // one after the other they would take 4 s
  expect(performance.now() - began).toBeLessThan(3_000)
  expect(server.peak).toBeLessThanOrEqual(10)
})

test('while a letter is being sent no transaction and no lock is held', async () => {
  server.answer = () => ({ does: 'stall', milliseconds: 400 })
  await putSample(db, sampleLetter(ADA))
  const delivering = deliverDueLetters(db, mail, log)
  await new Promise((resolve) => setTimeout(resolve, 200))
  const { rows } = await sql`
    select 1 from pg_stat_activity
    where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()`.execute(db)
  expect(rows).toEqual([])
  await sql`select id from letter for update nowait`.execute(db)
  expect(await delivering).toBe(1)
})

describe('a carrier that dies', () => {
  function die(point: string) {
    return { reached: (name: string) => (name === point ? Promise.reject(new Error('killed')) : undefined) }
  }

  test('before it sends: the letter is leased for a minute, then another sends it', async () => {
    await putSample(db, sampleLetter(ADA))
    await expect(deliverDueLetters(db, mail, log, die('letter.claimed'))).rejects.toThrow('killed')
    expect(await deliverDueLetters(db, mail, log)).toBe(0)
    const seconds = await secondsUntilDue(db, ADA)
    expect(seconds).toBeGreaterThan(50)
    expect(seconds).toBeLessThanOrEqual(60)
    await deliverAll(db, mail)
    expect(server.to(ADA)).toHaveLength(1)
  })

  test('after the server accepted: the letter comes a second time with the same Message-ID', async () => {
    await putSample(db, sampleLetter(ADA))
    await expect(deliverDueLetters(db, mail, log, die('letter.accepted'))).rejects.toThrow('killed')
    await deliverAll(db, mail)
    const ids = server.to(ADA).map((letter) => letter.parsed.messageId)
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
  })
})

test('a carrier whose lease ran out neither postpones nor gives up what another has sent', async () => {
  await putSample(db, sampleLetter(ADA))
  server.answer = () => ({ does: 'refuse', code: 550, at: 'recipient' })
  await deliverDueLetters(db, mail, log, {
    reached: async (name) => {
      if (name !== 'letter.claimed') return
      await db
        .updateTable('letter')
        .set((letter) => ({ attempts: letter('attempts', '+', 1), sentAt: new Date(), nextAttemptAt: null }))
        .execute()
    },
  })
  expect(await letterTo(db, ADA)).toMatchObject({ nextAttemptAt: null, gaveUpAt: null, lastError: null })
})

test('stopping takes up no further letter, and closing breaks off the one under way', async () => {
  server.answer = () => ({ does: 'stall', milliseconds: 60_000 })
  await putMany(15)
  const stopping = new AbortController()
  const own = openTestMail(server.url)
  const delivering = deliverDueLetters(db, own, log, { stopped: stopping.signal })
  await new Promise((resolve) => setTimeout(resolve, 300))
  stopping.abort()
  own.close()
  expect(await delivering).toBe(0)
  const letters = await allLetters(db)
  expect(letters.filter((letter) => letter.attempts > 0)).toHaveLength(10)
  expect(letters.every((letter) => letter.sentAt === null && letter.nextAttemptAt !== null)).toBe(true)
})

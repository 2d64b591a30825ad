import { beforeEach, expect, test } from 'vitest'
import { ROTATION_LETTER_KINDS } from '../../src/outbox/letters.ts'
import { openTestDatabase } from '../support/database.ts'
import { startMailServer } from '../support/smtp.ts'
import { deliverAll, openTestMail } from './delivery-world.ts'
import { putSample, rotationFacts, SAMPLE_LETTERS, sampleLetter } from './sample-letters.ts'

const { db } = await openTestDatabase()
const server = await startMailServer()
const mail = openTestMail(server.url)

beforeEach(async () => {
  await db.deleteFrom('letter').execute()
  server.received.length = 0
})

/** What mail programs compare of a subject (RFC 5256, 2.1): without what is in brackets before it, and without Re and Fwd. */
function baseSubject(subject: string | undefined): string {
  return (subject ?? '').replace(/^(\s*\[[^\]]*\]|\s*(re|fwd?):)+/i, '').trim()
}

/** Every letter about a rotation, as the mail server got it. */
async function receiveAll(ref: string, title: string) {
  server.received.length = 0
  const letters = ROTATION_LETTER_KINDS.map((kind) =>
    sampleLetter(`${kind}@acme.example`, { kind, facts: rotationFacts(kind, { ref, title }), thread: ref }),
  )
  await putSample(db, ...letters)
  await deliverAll(db, mail)
  return ROTATION_LETTER_KINDS.flatMap((kind) => server.to(`${kind}@acme.example`))
}

test('all letters of a rotation are one conversation for Gmail, Apple Mail and Outlook', async () => {
  const letters = await receiveAll('ROT-1042', 'Payments EU')
  expect(letters).toHaveLength(ROTATION_LETTER_KINDS.length)
  const only = (name: string) => new Set(letters.map((letter) => letter.header(name)))
  expect(only('references').size).toBe(1)
  expect(only('in-reply-to')).toEqual(only('references'))
  expect(only('thread-topic')).toEqual(new Set(['[ROT-1042] Key rotation: Payments EU']))
  expect(only('thread-index').size).toBe(1)
  expect(new Set(letters.map((letter) => baseSubject(letter.parsed.subject)))).toEqual(
    new Set(['Key rotation: Payments EU']),
  )
  expect(new Set(letters.map((letter) => letter.parsed.subject)).size).toBe(2)
  expect(new Set(letters.map((letter) => letter.parsed.messageId)).size).toBe(letters.length)
  expect(only('message-id').has([...only('references')][0])).toBe(false)
})

test('Outlook’s index is a version, a time and the conversation’s own 16 bytes', async () => {
  const [letter] = await receiveAll('ROT-1042', 'Payments EU')
  const [other] = await receiveAll('ROT-1043', 'Payments EU')
  const bytes = Buffer.from(letter?.header('thread-index') ?? '', 'base64')
  expect(bytes).toHaveLength(22)
  expect(bytes[0]).toBe(1)
  expect(other?.header('thread-index')).not.toBe(letter?.header('thread-index'))
  expect(other?.header('references')).not.toBe(letter?.header('references'))
})

test('Outlook reads the topic before the subject, so that it counts', async () => {
  const [letter] = await receiveAll('ROT-1042', 'Payments EU')
  expect(letter?.raw.indexOf('Thread-Topic:')).toBeGreaterThan(0)
  expect(letter?.raw.indexOf('Thread-Topic:')).toBeLessThan(letter?.raw.indexOf('Subject:') ?? 0)
})

test('a title in any script, or one that would add a header, stays one topic', async () => {
  const hostile = 'Zahlungen 李\r\nBcc: eve@evil.example'
  const letters = await receiveAll('ROT-1042', hostile)
  for (const letter of letters) {
    expect(letter.recipients).toHaveLength(1)
    expect(letter.header('bcc')).toBeUndefined()
    expect(letter.raw.split('\r\n\r\n')[0]).not.toMatch(/^Bcc:/m)
  }
  expect(new Set(letters.map((letter) => letter.header('thread-topic'))).size).toBe(1)
})

test('letters that are about no rotation stand alone', async () => {
  const others = SAMPLE_LETTERS.filter(({ facts }) => !('ref' in facts))
  await putSample(
    db,
    ...others.map((content) => sampleLetter(`${content.kind}@acme.example`, { ...content, thread: null })),
  )
  await deliverAll(db, mail)
  for (const { kind } of others) {
    const [letter] = server.to(`${kind}@acme.example`)
    for (const name of ['references', 'in-reply-to', 'thread-topic', 'thread-index']) {
      expect(letter?.header(name), `${name} of ${kind}`).toBeUndefined()
    }
  }
})

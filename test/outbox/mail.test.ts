import { beforeEach, describe, expect, test } from 'vitest'
import { deliverDueLetters } from '../../src/outbox/deliver.ts'
import { putLetter } from '../../src/outbox/letters.ts'
import { openTestDatabase } from '../support/database.ts'
import { startMailServer } from '../support/smtp.ts'
import { DESK, deliverAll, letterTo, log, openTestMail } from './delivery-world.ts'
import { putSample, rotationFacts, SAMPLE_LETTERS, sampleLetter } from './sample-letters.ts'

const { db } = await openTestDatabase()
const server = await startMailServer()
const mail = openTestMail(server.url)

beforeEach(async () => {
  await db.deleteFrom('letter').execute()
  server.received.length = 0
})

async function received(address: string) {
  await deliverDueLetters(db, mail, log)
  const [letter] = server.to(address)
  if (letter === undefined) throw new Error(`nothing came for ${address}`)
  return letter
}

test('a letter arrives with both parts, and its row says that it was sent', async () => {
  await putSample(db, sampleLetter('ada@acme.example'))
  const letter = await received('ada@acme.example')
  expect(letter.parsed.subject).toBe('[ROT-1042] Key rotation: Payments EU')
  expect(letter.parsed.text).toContain('Ada Owner asked to rotate 2 keys of Acme.')
  expect(letter.parsed.html).toContain('<bdi>Ada Owner</bdi> asked to rotate 2 keys')
  expect(letter.header('content-type')).toContain('multipart/alternative')
  expect(letter.parsed.attachments).toEqual([])
  const row = await letterTo(db, 'ada@acme.example')
  expect(row).toMatchObject({ attempts: 1, nextAttemptAt: null, gaveUpAt: null, lastError: null })
  expect(row.sentAt).toBeInstanceOf(Date)
})

test('every kind of letter arrives whole', async () => {
  const letters = SAMPLE_LETTERS.map((content) => sampleLetter(`${content.kind}@acme.example`, content))
  await putSample(db, ...letters)
  await deliverAll(db, mail)
  for (const { kind } of SAMPLE_LETTERS) {
    const [letter] = server.to(`${kind}@acme.example`)
    expect(letter?.parsed.text, kind).toContain('Hello Ada Owner,')
    expect(letter?.parsed.html, kind).toContain('</html>')
  }
})

test('the headers say who sent it, that no machine should answer, and which list it is of', async () => {
  await putSample(db, sampleLetter('ada@acme.example'))
  const letter = await received('ada@acme.example')
  expect(letter.parsed.from).toMatchObject({ name: 'Rekey', address: 'rekey@desk.example.com' })
  expect(letter.sender).toBe('rekey@desk.example.com')
  expect(letter.header('auto-submitted')).toBe('auto-generated')
  expect(letter.header('x-auto-response-suppress')).toBe('All')
  expect(letter.header('list-id')).toBe('"Rekey" <letters.desk.example.com>')
  expect(letter.header('reply-to')).toBe('support@example.com')
  expect(letter.header('x-mailer')).toBeUndefined()
  expect(letter.header('date')).toBe('Mon, 02 Nov 2026 09:30:00 +0000')
})

test('without MAIL_REPLY_TO there is no Reply-To', async () => {
  await putSample(db, sampleLetter('ada@acme.example'))
  const plain = openTestMail(server.url)
  plain.sender.mailReplyTo = undefined
  await deliverDueLetters(db, plain, log)
  expect(server.to('ada@acme.example')[0]?.header('reply-to')).toBeUndefined()
})

test('letters of a rotation make one thread, and each has a Message-ID of its own', async () => {
  await putSample(
    db,
    sampleLetter('a@acme.example'),
    sampleLetter('b@acme.example', { kind: 'completed', facts: rotationFacts('completed') }),
    sampleLetter('c@acme.example', { thread: 'ROT-2000' }),
    sampleLetter('d@acme.example', { thread: null }),
  )
  await deliverDueLetters(db, mail, log)
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => server.to(`${name}@acme.example`)[0])
  expect(a?.header('in-reply-to')).toMatch(/^<rot-1042\.[0-9a-f]+@desk\.example\.com>$/)
  expect(a?.header('references')).toBe(a?.header('in-reply-to'))
  expect(b?.header('in-reply-to')).toBe(a?.header('in-reply-to'))
  expect(c?.header('in-reply-to')).not.toBe(a?.header('in-reply-to'))
  expect(d?.header('in-reply-to')).toBeUndefined()
  expect(d?.header('references')).toBeUndefined()
  const ids = [a, b, c, d].map((letter) => letter?.parsed.messageId)
  expect(new Set(ids).size).toBe(4)
  const row = await letterTo(db, 'a@acme.example')
  expect(a?.parsed.messageId).toBe(`<${row.messageId}@desk.example.com>`)
})

describe('a name never adds a recipient or a header', () => {
  test.each([
    ['a comma', 'Owner, Ada'],
    ['a list', 'Ada <ada@acme.example>, Eve <eve@evil.example>'],
    ['quotes', 'Ada "The Owner" O\'Neil'],
    ['an unclosed quote', 'Ada " <eve@evil.example>'],
    ['a backslash', 'Ada \\" <eve@evil.example>'],
    ['a line end', 'Ada\r\nBcc: eve@evil.example'],
    ['a bare line feed', 'Ada\nBcc: eve@evil.example\n\nHello'],
    ['an encoded word', '=?utf-8?q?Ada=0D=0ABcc=3A_eve=40evil.example?='],
    ['a group', 'undisclosed: eve@evil.example;'],
    ['other scripts', 'Ada Øwner 李 🗝'],
    ['emptiness', ''],
  ])('with %s in it', async (_what, name) => {
    const address = 'ada@acme.example'
    const facts = rotationFacts('received', { who: name, organisation: name, title: name })
    await putSample(db, sampleLetter(address, { kind: 'received', facts, to: { name, address } }))
    const letter = await received(address)
    expect(letter.recipients).toEqual([address])
    expect(letter.parsed.to?.map((to) => to.address)).toEqual([address])
    expect(letter.header('bcc')).toBeUndefined()
    expect(letter.header('cc')).toBeUndefined()
    expect(letter.parsed.to).toHaveLength(1)
    expect(letter.raw.split('\r\n\r\n')[0]).not.toMatch(/^bcc/im)
  })

  test('and is shown as it is', async () => {
    const to = { name: 'Øwner, "Ada" 李', address: 'ada@acme.example' }
    await putSample(db, sampleLetter(to.address, { to }))
    const letter = await received(to.address)
    expect(letter.parsed.to?.[0]?.name).toBe(to.name)
  })
})

describe('an address that names more than one mailbox reaches nobody', () => {
  test.each([
    'ada@acme.example, eve@evil.example',
    'ada@acme.example\r\nRCPT TO:<eve@evil.example>',
    'ada@acme.example\nBcc: eve@evil.example',
    '<ada@acme.example> NOTIFY=SUCCESS',
    '"ada@acme.example> eve"@evil.example',
    'Ada <ada@acme.example>',
    'ada@acme.example ',
    'Ada@acme.example',
    'ada',
    '',
  ])('%j', async (address) => {
    await putSample(db, sampleLetter(address))
    await deliverDueLetters(db, mail, log)
    expect(server.received).toEqual([])
    const row = await letterTo(db, address)
    expect(row.lastError).toBe('The address is not one that a letter can be sent to')
    expect(row.sentAt).toBeNull()
  })
})

test('the host of a link is the public one, whatever the letter’s path tries', async () => {
  const facts = rotationFacts('received', { path: 'https://evil.example/rotations/ROT-1042' })
  await putSample(db, sampleLetter('ada@acme.example', { kind: 'received', facts }))
  await deliverDueLetters(db, mail, log)
  expect(server.received).toEqual([])
})

test('an invitation’s link is in its letter and no longer in the database once that is sent', async () => {
  const invitation = SAMPLE_LETTERS.find((letter) => letter.kind === 'invitation')
  await putSample(db, sampleLetter('new@acme.example', { ...invitation, thread: null }))
  const letter = await received('new@acme.example')
  expect(letter.parsed.text).toContain(`${DESK.publicUrl}/invitations/0a1b2c`)
  expect(JSON.stringify(await letterTo(db, 'new@acme.example'))).not.toContain('0a1b2c')
})

test('the same letter put twice is one letter', async () => {
  const letter = sampleLetter('ada@acme.example')
  await putSample(db, letter, letter)
  await putSample(db, letter)
  await deliverDueLetters(db, mail, log)
  expect(server.received).toHaveLength(1)
})

test('a letter of a transaction that was rolled back does not exist', async () => {
  const failing = db.transaction().execute(async (trx) => {
    await putLetter(trx, sampleLetter('ada@acme.example'))
    throw new Error('rolled back')
  })
  await expect(failing).rejects.toThrow('rolled back')
  expect(await deliverDueLetters(db, mail, log)).toBe(0)
})

import { beforeAll, describe, expect, test } from 'vitest'
import { leaveSign } from '../../src/database/health.ts'
import { LETTER_KINDS } from '../../src/outbox/letters.ts'
import { putSample, sampleLetter } from '../outbox/sample-letters.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import type { Enrolled } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = database
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

function headersOf(person: Enrolled) {
  return { accept: 'text/html', cookie: `__Host-rekey=${person.sessionToken}`, origin: desk.url }
}

function get(person: Enrolled, path: string): Promise<Answer> {
  return desk.call('GET', path, { headers: headersOf(person) })
}

function post(person: Enrolled, path: string, fields: Record<string, string> | string[][]): Promise<Answer> {
  const pairs = Array.isArray(fields) ? fields : Object.entries(fields)
  const text = new URLSearchParams([['formToken', person.bearer.formToken ?? ''], ...pairs]).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  return desk.call('POST', path, { headers: { ...headersOf(person), ...type }, text })
}

async function giveUp(address: string, error: string): Promise<string> {
  await putSample(db, sampleLetter(address))
  const change = { nextAttemptAt: null, gaveUpAt: new Date(), lastError: error, attempts: 3 }
  await db.updateTable('letter').set(change).where('toAddress', '=', address).execute()
  return (await letterTo(address)).id
}

function letterTo(address: string) {
  return db.selectFrom('letter').selectAll().where('toAddress', '=', address).executeTakeFirstOrThrow()
}

describe('letters to look at', () => {
  test.each(LETTER_KINDS)('%s is shown as text and, in a frame of its own, as HTML', async (kind) => {
    const { admin } = world.people
    const page = await get(admin, `/desk/letters/${kind}`)
    expect(page.status).toBe(200)
    expect(page.text).toContain('[Test] ')
    expect(page.headers['content-security-policy']).toContain("frame-src 'self'")
    expect(page.headers['content-security-policy']).toContain("script-src 'self'")
    const html = await get(admin, `/desk/letters/${kind}/html`)
    expect(html.status).toBe(200)
    expect(html.headers['content-security-policy']).toBe(
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox",
    )
    expect(html.text).toContain('This is a test letter.')
  })

  test('there is none of another name', async () => {
    expect((await get(world.people.admin, '/desk/letters/postcard')).status).toBe(404)
    expect((await get(world.people.admin, '/desk/letters/postcard/html')).status).toBe(404)
    expect((await post(world.people.admin, '/desk/letters/postcard/test', {})).status).toBe(404)
  })

  test('a test goes to the administrator’s own address alone, marked as one, and once per form', async () => {
    const { admin } = world.people
    await db.deleteFrom('letter').execute()
    for (let time = 0; time < 2; time++) {
      const answer = await post(admin, '/desk/letters/old-key-stops/test', { draft: 'one-form' })
      expect(answer.headers.location).toBe('/desk/letters/old-key-stops?sent=yes')
    }
    const letters = await db.selectFrom('letter').selectAll().execute()
    expect(letters).toHaveLength(1)
    expect(letters[0]).toMatchObject({ toAddress: admin.email, thread: null })
    expect(letters[0]?.facts).toMatchObject({ test: true, path: '/desk/letters/old-key-stops' })
  })

  test('tests are limited', async () => {
    const { admin } = world.people
    const statuses: number[] = []
    for (let time = 0; time < 31; time++) {
      statuses.push((await post(admin, '/desk/letters/received/test', { draft: `draft-${time}` })).status)
    }
    expect(statuses[0]).toBe(303)
    expect(statuses.at(-1)).toBe(429)
  })
})

describe('health', () => {
  test('tells of a worker, what waits and what could not be sent, in words, and no secret', async () => {
    const { admin } = world.people
    await db.deleteFrom('letter').execute()
    await db.deleteFrom('workerSign').execute()
    expect((await get(admin, '/desk/health')).text).toContain('None was ever seen.')
    await leaveSign(db)
    await giveUp('gone@acme.example', 'The mail server answered "550 no such user" to RCPT TO')
    const { text } = await get(admin, '/desk/health')
    for (const words of [
      'At work, seen just now',
      'PostgreSQL 18',
      'its tables are up to date',
      'gone@acme.example',
      'answered &quot;550 no such user&quot;',
      'Try again',
      'Rekey 0.1.0',
      'None is set; letters wait.',
    ]) {
      expect(text).toContain(words)
    }
    for (const secret of [desk.desk.config.masterKey.toString('base64'), database.url, admin.totpSecret]) {
      expect(text).not.toContain(secret)
    }
  })

  test('a worker that is not seen any more is told of', async () => {
    await db
      .updateTable('workerSign')
      .set({ seenAt: new Date(Date.now() - 300_000) })
      .execute()
    expect((await get(world.people.admin, '/desk/health')).text).toContain('Not seen any more')
    await leaveSign(db)
    expect((await get(world.people.admin, '/desk/health')).text).toContain('At work')
  })

  test('tells how long the oldest letter has waited', async () => {
    await db.deleteFrom('letter').execute()
    await putSample(db, sampleLetter('late@acme.example', { at: new Date(Date.now() - 3 * 3_600_000) }))
    expect((await get(world.people.admin, '/desk/health')).text).toContain('1 letter, the oldest 3 hours ago')
  })

  test('“Try again” makes a letter that was given up due, as a new one is, and leaves the others', async () => {
    const { admin } = world.people
    const id = await giveUp('again@acme.example', 'refused')
    await giveUp('other@acme.example', 'refused')
    const answer = await post(admin, '/desk/health/letters', { letter: id })
    expect(answer.headers.location).toBe('/desk/health?again=1')
    expect(await letterTo('again@acme.example')).toMatchObject({ gaveUpAt: null, attempts: 0 })
    expect((await letterTo('other@acme.example')).gaveUpAt).not.toBeNull()
    expect((await post(admin, '/desk/health/letters', { letter: id })).headers.location).toBe('/desk/health?again=0')
    const again = await post(admin, '/desk/health/letters', {})
    expect(again.headers.location).toBe('/desk/health?again=1')
    const audited = await db.selectFrom('auditEntry').select('body').where('action', '=', 'letter.send_again').execute()
    expect(audited).toHaveLength(2)
  })
})

describe('the letters that somebody gets', () => {
  test('an owner is told what always comes, and their choice is kept', async () => {
    const { owner } = world.people
    const { text } = await get(owner, '/account/notifications')
    expect(text).toContain('How rotations go on')
    expect(text).toContain('Where you are an owner you still hear of')
    expect(text).not.toContain('What waits for a decision')
    const answer = await post(owner, '/account/notifications', [
      ['topic', 'messages'],
      ['topic', 'decisions'],
    ])
    expect(answer.headers.location).toBe('/account/notifications?saved=yes')
    const person = await db
      .selectFrom('person')
      .select('mutedTopics')
      .where('id', '=', owner.actor.personId)
      .executeTakeFirstOrThrow()
    expect(person.mutedTopics).toEqual(['progress', 'reminders', 'trouble', 'digest'])
    const saved = await get(owner, '/account/notifications?saved=yes')
    expect(saved.text.match(/ checked/g)).toHaveLength(1)
  })

  test('an agent is offered what concerns the staff', async () => {
    const { text } = await get(world.people.agent, '/account/notifications')
    expect(text).toContain('What waits for a decision')
    expect(text).not.toContain('How rotations go on')
  })
})

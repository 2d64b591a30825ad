import { beforeAll, describe, expect, test } from 'vitest'
import { findMessages } from '../../src/database/rotations/messages.ts'
import { answerQuestion } from '../../src/desk/conversation/answer.ts'
import { askCustomer } from '../../src/desk/conversation/ask.ts'
import { addCannedAnswer } from '../../src/desk/conversation/canned-answers.ts'
import { writeMessage, writeNote } from '../../src/desk/conversation/write.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { withdrawRotation } from '../../src/desk/withdraw.ts'
import { SESSION_COOKIE } from '../../src/web/session-cookie.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'

const { db, ...database } = await openTestDatabase()
const desk = await openDesk({ db, ...database })
const SECRET = `rk_auth_live_${'x'.repeat(38)}`
const LONG_AGO = '2026-01-01T00:00:00.000Z'
type Who = keyof ApiWorld['people']
let world: ApiWorld
let count = 0

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

async function file(notBefore: Date | null = null): Promise<string> {
  count += 1
  const { serviceId } = await world.addService(`Talked about ${count}`)
  const items = [{ serviceId, kinds: ['auth'] as const }]
  const filing = { items, reason: 'scheduled' as const, notBefore, overlapSeconds: 86_400 }
  return (await submitRotation(db, world.people.owner.actor, filing)).ref
}

async function fileAndAsk(notBefore: Date | null = null): Promise<string> {
  const ref = await file(notBefore)
  await askCustomer(db, world.people.agent.actor, ref, { revision: 1, message: 'Which systems use it?' })
  return ref
}

function headersOf(who: Who) {
  const cookie = `${SESSION_COOKIE}=${world.people[who].sessionToken}`
  return { accept: 'text/html', cookie, origin: desk.url, 'content-type': 'application/x-www-form-urlencoded' }
}

async function read(who: Who, path: string): Promise<string> {
  const { status, text } = await desk.call('GET', path, { headers: headersOf(who) })
  expect([path, status]).toEqual([path, 200])
  return text
}

function send(who: Who, path: string, fields: Record<string, string>): Promise<Answer> {
  const formToken = world.people[who].bearer.formToken ?? ''
  const sent = new URLSearchParams({ draft: crypto.randomUUID(), seenAt: LONG_AGO, formToken, ...fields })
  return desk.call('POST', path, { headers: headersOf(who), text: sent.toString() })
}

const bodies = async (ref: string) =>
  (await findMessages(db, world.people.agent.actor, ref)).map((message) => `${message.kind}: ${message.body}`)

describe('a message', () => {
  test('is sent by its own form and then stands at the end of what happened', async () => {
    const ref = await file()
    const sent = await send('agent', `/rotations/${ref}/messages`, { message: 'We look at it\r\ntomorrow.' })
    expect([sent.status, sent.headers.location]).toEqual([303, `/rotations/${ref}#newest`])
    const page = await read('viewer', `/rotations/${ref}`)
    expect(page).toMatch(/<li id="newest"[^>]*>[\s\S]*We look at it\ntomorrow\./)
  })

  test('sent twice by the same form is written once, and with other words a second time', async () => {
    const ref = await file()
    const draft = crypto.randomUUID()
    for (const message of ['Once.', 'Once.', 'Twice.']) {
      await send('owner', `/rotations/${ref}/messages`, { draft, message })
    }
    expect(await bodies(ref)).toEqual(['message: Once.', 'message: Twice.'])
  })

  test.each([
    ['owner', 'messages', 'message'],
    ['agent', 'messages', 'message'],
    ['agent', 'notes', 'internalNote'],
    ['agent', 'question', 'question'],
    ['agent', 'rejection', 'reason'],
    ['agent', 'approval', 'note'],
  ] as const)(
    'that looks like a key is refused with what to do instead, and kept (%s, %s)',
    async (who, path, field) => {
      const ref = await file()
      const words = `Ours is ${SECRET}, see above.`
      const answer = await send(who, `/rotations/${ref}/${path}`, { revision: '1', [field]: words })
      expect(answer.status).toBe(422)
      expect(answer.text).toContain('the last 4 characters is enough')
      expect(answer.text).toContain(words)
      expect(answer.text).toContain(`href="#${field}"`)
      expect(await bodies(ref)).toEqual([])
    },
  )

  test('has a form for owners and developers and the staff, and none for viewers', async () => {
    const path = `/rotations/${await file()}`
    for (const who of ['owner', 'developer'] as const) expect(await read(who, path)).toContain('Send to the desk')
    expect(await read('agent', path)).toContain('Send to the customer')
    expect(await read('viewer', path)).not.toContain('Send to the')
  })
})

describe('an internal note', () => {
  test('stands among what happened for the staff, and on no page of a member', async () => {
    const ref = await file()
    const words = 'Sounds odd on the phone.'
    await send('agent', `/rotations/${ref}/notes`, { internalNote: words })
    await writeNote(db, world.people.admin.actor, ref, 'Called back: it is fine.')
    expect(await read('admin', `/rotations/${ref}`)).toContain(words)
    const paths = [`/rotations/${ref}`, `/rotations/${ref}/evidence`, '/rotations', '/audit']
    for (const path of paths) {
      const page = await read('owner', path)
      expect(page).not.toMatch(/odd on the phone|Called back|rotation\.note|[Ii]nternal note/)
    }
    for (const who of ['developer', 'viewer'] as const) {
      expect(await read(who, `/rotations/${ref}`)).not.toMatch(/odd on the phone|Called back|[Ii]nternal note/)
    }
    const letters = await db.selectFrom('letter').select('facts').where('thread', '=', ref).execute()
    expect(JSON.stringify(letters)).not.toMatch(/odd on the phone|Called back/)
  })
})

describe('the page to decide on', () => {
  test('shows each key now and after, with when the old one would stop', async () => {
    const notBefore = new Date(Date.now() + 2 * 86_400_000)
    const page = await read('agent', `/rotations/${await file(notBefore)}`)
    expect(page).toContain('What changes')
    expect(page).toContain(notBefore.toISOString())
    expect(page).toContain(new Date(notBefore.getTime() + 86_400_000).toISOString())
  })

  test('leaves the ways that are open while the customer is asked: to reject, not to approve', async () => {
    const page = await read('agent', `/rotations/${await fileAndAsk()}`)
    expect(page).toContain('The customer was asked')
    expect(page).toContain('Reject for good')
    expect(page).not.toContain('/approval"')
    expect(page).not.toContain('Send the question')
  })

  test('asks the customer once, though the form is sent twice', async () => {
    const ref = await file()
    const fields = { revision: '1', draft: crypto.randomUUID(), question: 'Which systems use it?' }
    for (let time = 0; time < 2; time++) {
      expect((await send('agent', `/rotations/${ref}/question`, fields)).status).toBe(303)
    }
    expect(await bodies(ref)).toEqual(['question: Which systems use it?'])
  })

  test('puts a canned answer behind what was typed, and sends nothing', async () => {
    const ref = await file()
    const { id } = await addCannedAnswer(db, world.people.admin.actor, {
      name: 'Which systems',
      body: 'Please list them.',
    })
    const fields = { question: 'Good morning.', into: 'ask', cannedAnswer: id, revision: '1' }
    const { status, text } = await send('agent', `/rotations/${ref}/canned-answer`, fields)
    expect(status).toBe(200)
    expect(text).toMatch(/<textarea[^>]*id="question"[^>]*autofocus>Good morning\.\n\nPlease list them\.<\/textarea>/)
    expect(text).toMatch(/class="way way-open" id="ask"/)
    expect(await bodies(ref)).toEqual([])
  })
})

describe('the answer', () => {
  test('has a form for owners alone, beside the question and the request as it is', async () => {
    const ref = await fileAndAsk(new Date('2027-01-04T09:30:12.345Z'))
    const page = await read('owner', `/rotations/${ref}`)
    expect(page).toContain('The desk needs an answer from you')
    expect(page).toContain('value="2027-01-04T09:30"')
    for (const who of ['developer', 'agent'] as const) {
      expect(await read(who, `/rotations/${ref}`)).not.toContain('needs an answer from you')
    }
  })

  test('leaves the request as it is when its fields come back as they were shown', async () => {
    const notBefore = new Date(Math.ceil(Date.now() / 60_000) * 60_000 + 86_400_012)
    const ref = await fileAndAsk(notBefore)
    const unchanged = {
      changesReason: 'scheduled',
      changesDetails: '',
      changesNotBefore: notBefore.toISOString().slice(0, 16),
      changesOverlap: '',
      changesOtherDays: '',
    }
    expect((await send('owner', `/rotations/${ref}/answer`, { answer: 'The shop.', ...unchanged })).status).toBe(303)
    const row = db.selectFrom('rotation').select(['revision', 'notBefore', 'status']).where('ref', '=', ref)
    expect(await row.executeTakeFirst()).toEqual({ revision: 1, notBefore, status: 'submitted' })
  })

  test('changes what was changed, and both sides see old and new', async () => {
    const ref = await fileAndAsk()
    const changes = { changesReason: 'lost', changesOverlap: 'other', changesOtherDays: '0.5' }
    await send('owner', `/rotations/${ref}/answer`, { answer: 'The shop.', ...changes })
    for (const who of ['viewer', 'agent'] as const) {
      const page = await read(who, `/rotations/${ref}`)
      expect(page).toContain('Answered, and changed the request')
      expect(page).toMatch(/<del>.*1 day.*<\/del>.*<ins>.*12 hours/)
    }
    expect(await read('agent', `/rotations/${ref}`)).toContain('This is revision 2')
  })

  test('comes back with what was typed when a field is wrong', async () => {
    const ref = await fileAndAsk()
    const wrong = { answer: 'The shop.', changesDetails: 'More.', changesOverlap: 'other', changesOtherDays: '99' }
    const { status, text } = await send('owner', `/rotations/${ref}/answer`, wrong)
    expect(status).toBe(422)
    expect(text).toContain('Enter a number of days from 0 to 30.')
    expect(text).toMatch(/id="answer"[^>]*>The shop\.<\/textarea>/)
    expect(text).toMatch(/<details class="ds-details" open>/)
    expect(text).toMatch(/id="changesDetails"[^>]*>More\.<\/textarea>/)
  })
})

describe('what changed while somebody was writing is shown, and their text is kept', () => {
  test('a question about a rotation that was approved meanwhile', async () => {
    const ref = await file()
    await approveRotation(db, world.people.otherAgent.actor, ref, { revision: 1 })
    const stale = await send('agent', `/rotations/${ref}/question`, { revision: '1', question: 'Until when?' })
    expect(stale.status).toBe(409)
    expect(stale.text).toContain('Approved')
    expect(stale.text).toContain('by <bdi>Gia</bdi>')
    const back = await send('agent', `/rotations/${ref}/review`, { form: 'ask', question: 'Until when?' })
    expect(back.text).toContain('Your text, which was not sent')
    expect(back.text).toContain('Until when?')
  })

  test('a question about a revision that has changed, which can then be asked about the new one', async () => {
    const ref = await fileAndAsk()
    const { owner } = world.people
    await answerQuestion(db, owner.actor, ref, { message: 'Later.', changes: { overlapSeconds: 3_600 } })
    const stale = await send('agent', `/rotations/${ref}/question`, { revision: '1', question: 'Until when?' })
    expect(stale.status).toBe(409)
    expect(stale.text).toContain('How long the old keys work: <bdi>1 day</bdi> → <bdi>1 hour</bdi>')
    const back = await send('agent', `/rotations/${ref}/review`, { form: 'ask', question: 'Until when?' })
    expect(back.text).toMatch(/class="way way-open" id="ask"[\s\S]*id="question"[^>]*>Until when\?<\/textarea>/)
    expect(back.text).toContain('name="revision" value="2"')
  })

  test('an answer to a rotation that was withdrawn meanwhile', async () => {
    const ref = await fileAndAsk()
    await withdrawRotation(db, world.people.owner.actor, ref)
    const stale = await send('owner', `/rotations/${ref}/answer`, { answer: 'The shop alone.', changesReason: 'lost' })
    expect(stale.status).toBe(409)
    expect(stale.text).toContain('The shop alone.')
    expect(stale.text).toContain('name="changesReason" value="lost"')
    const back = await send('owner', `/rotations/${ref}/review`, { form: 'answer', answer: 'The shop alone.' })
    expect(back.text).toContain('Your text, which was not sent')
  })

  test('an answer to a question that was answered and followed by another', async () => {
    const ref = await fileAndAsk()
    const [first] = await findMessages(db, world.people.owner.actor, ref)
    await answerQuestion(db, world.people.owner.actor, ref, { message: 'The shop.' })
    await askCustomer(db, world.people.agent.actor, ref, { revision: 1, message: 'And until when?' })
    const fields = { answer: 'The till too.', questionId: first?.id ?? '' }
    const stale = await send('owner', `/rotations/${ref}/answer`, fields)
    expect([stale.status, stale.text.includes('And until when?')]).toEqual([409, true])
    const back = await send('owner', `/rotations/${ref}/review`, { form: 'answer', answer: 'The till too.' })
    expect(back.text).toMatch(/id="answer"[^>]*>The till too\.<\/textarea>/)
  })
})

describe('canned answers', () => {
  const PATH = '/desk/canned-answers'

  test('are added, changed and removed by an admin, and chosen by agents', async () => {
    const form = { draft: crypto.randomUUID(), name: 'Please wait', body: 'We look at it.\r\nPlease wait.' }
    for (let time = 0; time < 2; time++) expect((await send('admin', PATH, form)).status).toBe(303)
    const path = `/rotations/${await file()}`
    expect(await read('agent', path)).toContain('>Please wait</option>')
    const [added] = await db.selectFrom('cannedAnswer').selectAll().where('name', '=', 'Please wait').execute()
    const own = `${PATH}/${added?.id}`
    expect(await read('admin', own)).toContain('We look at it.\nPlease wait.')
    await send('admin', own, { name: 'Patience', body: 'Please wait a little.' })
    expect(await read('admin', PATH)).toContain('Please wait a little.')
    for (let time = 0; time < 2; time++) expect((await send('admin', `${own}/removal`, {})).status).toBe(303)
    expect(await read('agent', path)).not.toContain('>Patience</option>')
    const trail = await db
      .selectFrom('auditEntry')
      .select(['action', 'chain'])
      .where('action', 'like', 'canned%')
      .execute()
    expect(trail.slice(-3).map(({ action, chain }) => `${chain} ${action}`)).toEqual([
      'desk canned_answer.add',
      'desk canned_answer.change',
      'desk canned_answer.remove',
    ])
  })

  test('have names of their own and hold no key', async () => {
    await send('admin', PATH, { name: 'Taken', body: 'One.' })
    const taken = await send('admin', PATH, { name: 'Taken', body: 'Two.' })
    expect([taken.status, taken.text.includes('That name is in use already')]).toEqual([422, true])
    const secret = await send('admin', PATH, { name: 'Leak', body: SECRET })
    expect([secret.status, secret.text.includes(SECRET)]).toEqual([422, true])
    expect((await send('admin', PATH, { name: ' ', body: '' })).text).toContain('Enter a name.')
  })
})

test('who wrote and what stands on the page as text, whatever it is', async () => {
  const ref = await file()
  await writeMessage(db, world.people.owner.actor, ref, '<script>alert(1)</script> {{name}}')
  const page = await read('agent', `/rotations/${ref}`)
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(page).not.toContain('<script>alert')
})

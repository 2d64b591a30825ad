import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { approveRotation } from '../../src/desk/decide.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { createAddressCheck } from '../../src/outbox/webhooks/addresses.ts'
import { finishWebhooks, openWebhooks, startDueWebhooks } from '../../src/outbox/webhooks/deliver.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk, sealer } from '../support/web.ts'
import { startReceiver } from '../support/webhook-receiver.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'
import { type Enrolled, unusedCode } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const receiver = await startReceiver('http')
const sender = openWebhooks({ sealer, check: createAddressCheck(['127.0.0.1']) })
const url = `http://127.0.0.1:${receiver.port}/hooks`
const made = z.strictObject({ id: z.string(), secret: z.string().regex(/^whsec_[A-Za-z0-9+/]{43}=$/) })
const listed = z.object({ items: z.array(z.looseObject({ id: z.string() })), nextCursor: z.string().nullable() })
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

beforeEach(() => {
  receiver.received.length = 0
  receiver.answer = (response) => response.writeHead(204).end()
})

async function sendDue(): Promise<void> {
  while (await startDueWebhooks(database.db, sender, desk.desk.log)) await finishWebhooks(sender)
}

async function add(who: 'owner' | 'admin', events?: string[]) {
  const body = { url, ...(events === undefined ? {} : { events }) }
  return made.parse((await world.clients[who].confirmed('POST', '/v1/webhook-endpoints', { body })).json)
}

async function file(name: string): Promise<string> {
  const { serviceId } = await world.addService(name)
  const items = [{ serviceId, kinds: ['auth', 'admin'] as const }]
  const filing = { items, reason: 'scheduled' as const, overlapSeconds: 3_600 }
  return (await submitRotation(database.db, world.people.owner.actor, filing)).ref
}

describe('over the API', () => {
  test('an endpoint is told of a whole rotation, signed, and no text or key of anybody’s is in it', async () => {
    const { id, secret } = await add('owner')
    const ref = await file('Secretly named')
    await approveRotation(database.db, world.people.agent.actor, ref, { revision: 1, note: 'Said in confidence.' })
    await work(desk)
    await sendDue()
    const events = receiver.verified(secret)
    expect(events.map(({ type }) => type).toSorted()).toEqual([
      'item.added',
      'item.added',
      'item.overlap',
      'item.overlap',
      'rotation.executing',
      'rotation.overlap',
      'rotation.scheduled',
      'rotation.submitted',
    ])
    const bodies = receiver.received.map(({ body }) => body).join('\n')
    expect(bodies).not.toMatch(/Secretly|confidence|Ada|rk_|whsec_/)
    const deliveries = await world.clients.owner.call('GET', `/v1/webhook-endpoints/${id}/deliveries?status=delivered`)
    expect(listed.parse(deliveries.json).items).toHaveLength(8)
    await world.clients.owner.confirmed('DELETE', `/v1/webhook-endpoints/${id}`)
  })

  test('a replay of the call that made one has null in place of the secret, and made no second', async () => {
    const headers = { 'idempotency-key': 'webhook-1' }
    const first = await world.clients.owner.confirmed('POST', '/v1/webhook-endpoints', { body: { url }, headers })
    const again = await world.clients.owner.confirmed('POST', '/v1/webhook-endpoints', { body: { url }, headers })
    const { id, secret } = made.parse(first.json)
    expect(again.json).toEqual({ id, secret: null })
    const rolled = await world.clients.owner.confirmed('POST', `/v1/webhook-endpoints/${id}/roll-secret`, {
      body: { overlapSeconds: 60 },
      headers: { 'idempotency-key': 'webhook-2' },
    })
    expect(z.object({ secret: z.string() }).parse(rolled.json).secret).not.toBe(secret)
    const rolledAgain = await world.clients.owner.confirmed('POST', `/v1/webhook-endpoints/${id}/roll-secret`, {
      body: { overlapSeconds: 60 },
      headers: { 'idempotency-key': 'webhook-2' },
    })
    expect(rolledAgain.json).toMatchObject({ secret: null })
    const list = await world.clients.owner.call('GET', '/v1/webhook-endpoints')
    expect(listed.parse(list.json).items.map((row) => row.id)).toEqual([id])
    expect(list.text).not.toContain('whsec_')
    await world.clients.owner.confirmed('DELETE', `/v1/webhook-endpoints/${id}`)
  })

  test.each([
    [{ url: 'http://example.com/' }, 422, 'ADDRESS_REFUSED'],
    [{ url: 'https://10.0.0.1/' }, 422, 'ADDRESS_REFUSED'],
    [{ url: 'https://169.254.169.254/' }, 422, 'ADDRESS_REFUSED'],
    [{ url: 'https://leads-home.example/' }, 422, 'ADDRESS_REFUSED'],
    [{ url: 'https://hooks.test/', events: ['rotation.everything'] }, 400, 'INVALID_REQUEST'],
    [{ url: '' }, 422, 'ADDRESS_REFUSED'],
    [{}, 400, 'INVALID_REQUEST'],
  ])('%j is refused', async (body, status, code) => {
    const answer = await world.clients.owner.confirmed('POST', '/v1/webhook-endpoints', { body })
    expect([answer.status, answer.json]).toMatchObject([status, { code }])
  })

  test('an admin keeps the desk’s own, which hear of every organisation; owners don’t see them', async () => {
    const { id, secret } = await add('admin', ['rotation.submitted'])
    const ref = await file('Heard by the desk')
    await sendDue()
    expect(receiver.verified(secret).map(({ data }) => data.rotation)).toEqual([ref])
    const seen = await world.clients.owner.call('GET', '/v1/webhook-endpoints')
    expect(listed.parse(seen.json).items).toEqual([])
    await world.clients.admin.confirmed('DELETE', `/v1/webhook-endpoints/${id}`)
  })

  test('every owner is told by mail when one is added, without its path', async () => {
    const { id } = await add('owner')
    const letters = await database.db.selectFrom('letter').selectAll().where('kind', '=', 'security-notice').execute()
    const notices = letters.filter(({ facts }) => facts.path === `/webhooks/${id}`)
    expect(notices.map(({ toAddress, facts }) => [toAddress, facts.about, facts.who])).toEqual([
      ['ada@acme.example', `127.0.0.1:${receiver.port}`, 'Ada Owner'],
    ])
    await world.clients.owner.confirmed('DELETE', `/v1/webhook-endpoints/${id}`)
  })
})

describe('in a browser', () => {
  async function open(person: Enrolled, path: string, form?: Record<string, string>): Promise<Answer> {
    const headers = { accept: 'text/html', cookie: `__Host-rekey=${person.sessionToken}`, origin: desk.url }
    if (form === undefined) return desk.call('GET', path, { headers })
    const text = new URLSearchParams({ formToken: person.bearer.formToken ?? '', ...form }).toString()
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    return desk.call('POST', path, { headers: { ...headers, ...type }, text })
  }

  function draftIn({ text }: Answer): string {
    return /name="draft" value="([^"]+)"/.exec(text)?.[1] ?? ''
  }

  /** Sends a form with a fresh code, and goes on with the session that comes of it. */
  async function send(person: Enrolled, path: string, form: Record<string, string>): Promise<Answer> {
    const answer = await open(person, path, { ...form, code: await unusedCode(database.db, person) })
    const cookie = /__Host-rekey=([^;]+)/.exec(answer.headers['set-cookie'] ?? '')?.[1]
    if (cookie !== undefined) person.sessionToken = cookie
    return answer
  }

  test('an owner adds one, sees its secret once, its deliveries, sends one again, and removes it', async () => {
    const { owner } = world.people
    const form = { url, which: 'all', draft: draftIn(await open(owner, '/webhooks')) }
    const added = await send(owner, '/webhooks', form)
    const secret = /whsec_[A-Za-z0-9+/=]+/.exec(added.text.replaceAll('&#x3D;', '='))?.[0] ?? ''
    expect([added.status, secret.length]).toEqual([200, 50])
    expect(added.headers['cache-control']).toBe('no-store')
    const again = await send(owner, '/webhooks', form)
    expect([again.status, again.headers.location]).toEqual([303, '/webhooks'])
    const list = await open(owner, '/webhooks')
    expect(list.text).not.toContain('whsec_')
    const href = /href="(\/webhooks\/whe_[0-9a-z]+)"/.exec(list.text)?.[1] ?? ''
    await file('Seen in the log')
    await sendDue()
    const page = await open(owner, href)
    expect(page.text).toContain('rotation.submitted')
    const delivery = /href="(\/webhooks\/deliveries\/whd_[0-9a-z]+)"/.exec(page.text)?.[1] ?? ''
    expect((await open(owner, delivery)).text).toContain('It answered 204.')
    expect((await open(owner, `${href}?status=failed`)).text).toContain('No delivery is in this view')
    const before = receiver.received.length
    const replayed = await open(owner, `${delivery}/replay`, {})
    expect(replayed.headers.location).toBe(`${delivery}?again=yes`)
    await sendDue()
    expect(receiver.received.length).toBe(before + 1)
    const removal = await send(owner, `${href}/removal`, {})
    expect([removal.status, removal.headers.location]).toEqual([303, '/webhooks?removed=yes'])
    expect((await open(owner, href)).status).toBe(404)
  })

  test('a refused address and an empty choice lead back to the form, with what was typed', async () => {
    const { owner } = world.people
    const draft = draftIn(await open(owner, '/webhooks'))
    const refused = await send(owner, '/webhooks', { url: 'https://10.0.0.1/mine', which: 'all', draft })
    expect([refused.status, refused.text.includes('https://10.0.0.1/mine')]).toEqual([422, true])
    expect(refused.text).toContain('Give a public https address')
    const none = await open(owner, '/webhooks', { url, which: 'some', draft })
    expect([none.status, none.text.includes('Tick at least one event')]).toEqual([422, true])
  })

  test('one that was switched off says why, and is switched on again', async () => {
    const { owner } = world.people
    const { id } = await add('owner')
    receiver.answer = (response) => response.writeHead(410).end()
    await file('Gone')
    await sendDue()
    expect((await open(owner, `/webhooks/${id}`)).text).toContain('It answered that it is gone (410).')
    const on = await open(owner, `/webhooks/${id}/on`, {})
    expect(on.headers.location).toBe(`/webhooks/${id}`)
    expect((await open(owner, `/webhooks/${id}`)).text).not.toContain('Switched off')
  })
})

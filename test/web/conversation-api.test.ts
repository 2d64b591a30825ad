import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { submitRotation } from '../../src/desk/submit.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'

const desk = await openDesk(await openTestDatabase())
const SECRET = `rk_auth_live_${'x'.repeat(38)}`
let world: ApiWorld
let count = 0

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

async function file(): Promise<string> {
  count += 1
  const { serviceId } = await world.addService(`Talked about ${count}`)
  const items = [{ serviceId, kinds: ['auth'] as const }]
  const filing = { items, reason: 'scheduled' as const, overlapSeconds: 86_400 }
  return (await submitRotation(desk.desk.db, world.people.owner.actor, filing)).ref
}

type Who = keyof ApiWorld['clients']

function post(who: Who, ref: string, move: string, body: object) {
  return world.clients[who].call('POST', `/v1/rotations/${ref}/${move}`, { body })
}

async function events(who: Who, ref: string) {
  const { json } = await world.clients[who].call('GET', `/v1/rotations/${ref}/events`)
  const shape = z.object({ items: z.array(z.looseObject({ action: z.string(), message: z.unknown() })) })
  return shape.parse(json).items
}

describe('a question and its answer', () => {
  test('go from the agent to the owner and back, with what was changed', async () => {
    const ref = await file()
    const asked = await post('agent', ref, 'question', { revision: 1, message: 'Until when?' })
    expect(asked).toMatchObject({ status: 200, json: { status: 'needs_info', revision: 1 } })
    const changes = { overlapSeconds: 3_600, notBefore: null, reason: 'lost' }
    const answered = await post('owner', ref, 'answer', { message: 'An hour will do.', changes })
    expect(answered).toMatchObject({
      status: 200,
      json: { status: 'submitted', revision: 2, reason: 'lost', overlapSeconds: 3_600 },
    })
    const told = (await events('viewer', ref)).filter((event) => event.message !== null)
    expect(told).toMatchObject([
      { action: 'rotation.ask', message: { kind: 'question', fromStaff: true, body: 'Until when?' } },
      { action: 'rotation.answer', message: { kind: 'answer', fromStaff: false, body: 'An hour will do.' } },
    ])
  })

  test('are refused for another revision, at the wrong moment, and for text that holds a key', async () => {
    const ref = await file()
    const stale = await post('agent', ref, 'question', { revision: 7, message: 'Until when?' })
    expect(stale).toMatchObject({ status: 409, json: { code: 'STALE_REVISION' } })
    expect(await post('owner', ref, 'answer', { message: 'Already?' })).toMatchObject({
      status: 409,
      json: { code: 'ILLEGAL_MOVE' },
    })
    expect(await post('agent', ref, 'question', { revision: 1, message: SECRET })).toMatchObject({
      status: 422,
      json: { code: 'CONTAINS_SECRET', errors: [{ pointer: '/message', message: expect.stringContaining('last 4') }] },
    })
  })

  test('need words, and change no keys', async () => {
    const ref = await file()
    const empty = await post('agent', ref, 'question', { revision: 1, message: ' \u200b ' })
    expect(empty).toMatchObject({ status: 400, json: { errors: [{ pointer: '/message' }] } })
    await post('agent', ref, 'question', { revision: 1, message: 'Which?' })
    const items = await post('owner', ref, 'answer', { message: 'The other one.', changes: { items: [] } })
    expect(items).toMatchObject({ status: 400, json: { errors: [{ pointer: '/changes/items' }] } })
  })

  test('sent again with the same idempotency key are carried out once', async () => {
    const ref = await file()
    const sent = { body: { revision: 1, message: 'Until when?' }, headers: { 'idempotency-key': `ask-${ref}` } }
    const path = `/v1/rotations/${ref}/question`
    const first = await world.clients.agent.call('POST', path, sent)
    const again = await world.clients.agent.call('POST', path, sent)
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text])
    expect((await events('agent', ref)).filter((event) => event.action === 'rotation.ask')).toHaveLength(1)
  })
})

describe('messages', () => {
  test('of both sides are among the events of both', async () => {
    const ref = await file()
    const written = await post('developer', ref, 'messages', { body: 'When does it start?' })
    expect(written).toMatchObject({
      status: 201,
      json: { kind: 'message', fromStaff: false, body: 'When does it start?' },
    })
    await post('admin', ref, 'messages', { body: 'Tomorrow.' })
    for (const who of ['viewer', 'agent'] as const) {
      const told = (await events(who, ref)).filter((event) => event.action === 'rotation.message')
      expect(told).toMatchObject([{ message: { body: 'When does it start?' } }, { message: { body: 'Tomorrow.' } }])
    }
  })

  test('are refused when they hold a key, with what to do instead', async () => {
    expect(await post('owner', await file(), 'messages', { body: `It is ${SECRET}` })).toMatchObject({
      status: 422,
      json: { code: 'CONTAINS_SECRET' },
    })
  })
})

describe('an internal note', () => {
  test('is told to the staff, and to no member by any address', async () => {
    const ref = await file()
    const written = await post('agent', ref, 'messages', { body: 'Sounds odd on the phone.', internal: true })
    expect(written).toMatchObject({ status: 201, json: { kind: 'note' } })
    expect((await events('admin', ref)).at(-1)).toMatchObject({
      action: 'rotation.note',
      message: { kind: 'note', body: 'Sounds odd on the phone.' },
    })
    const { id } = z.object({ id: z.string() }).parse(written.json)
    for (const who of ['owner', 'developer', 'viewer'] as const) {
      const addresses = [`/v1/rotations/${ref}/events`, `/v1/rotations/${ref}`, '/v1/audit?limit=100']
      for (const path of addresses) {
        const { status, text } = await world.clients[who].call('GET', path)
        expect([path, status]).toEqual([path, 200])
        expect(text).not.toContain('odd on the phone')
        expect(text).not.toContain('rotation.note')
        expect(text).not.toContain(id)
      }
    }
  })

  test('is for the staff alone to write', async () => {
    const ref = await file()
    for (const who of ['owner', 'developer'] as const) {
      const answer = await post(who, ref, 'messages', { body: 'For the staff.', internal: true })
      expect(answer).toMatchObject({ status: 403, json: { code: 'NOT_ALLOWED' } })
    }
  })
})

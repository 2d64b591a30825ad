import { sql } from 'kysely'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { claimDueDeliveries } from '../../../src/database/webhooks/queue.ts'
import {
  removeWebhookEndpoint,
  rollWebhookSecret,
  switchOnWebhookEndpoint,
} from '../../../src/desk/webhooks/endpoints.ts'
import { replayWebhook } from '../../../src/desk/webhooks/replay.ts'
import { finishWebhooks, startDueWebhooks } from '../../../src/outbox/webhooks/deliver.ts'
import { WEBHOOK_ATTEMPTS } from '../../../src/rules/webhooks/schedule.ts'
import { openTestDatabase } from '../../support/database.ts'
import { startReceiver, verify } from '../../support/webhook-receiver.ts'
import { type DeskWorld, makeDeskWorld } from '../../support/worlds/desk-world.ts'
import {
  addEndpoint,
  attemptsOf,
  deliverDue,
  deliveriesTo,
  deliveryTo,
  letTimePass,
  log,
  openTestSender,
  partsOf,
  putEvents,
} from './world.ts'

const { db } = await openTestDatabase()
const secure = await startReceiver('https')
const plain = await startReceiver('http')
const other = await startReceiver('http')
const sender = openTestSender()
let world: DeskWorld
let endpoint: { id: string; secret: string }

const URL_OF = {
  secure: `https://hooks.test:${secure.port}/in?from=rekey`,
  plain: `http://hooks.test:${plain.port}/in`,
  other: `http://other.test:${other.port}/in`,
}

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

beforeEach(async () => {
  await db.updateTable('webhookEndpoint').set({ removedAt: new Date() }).execute()
  await db.updateTable('webhookDelivery').set({ nextAttemptAt: null }).execute()
  for (const receiver of [secure, plain, other]) {
    receiver.received.length = 0
    receiver.peak = 0
    receiver.answer = (response) => response.writeHead(204).end()
  }
  endpoint = await addEndpoint(db, world.owner, URL_OF.plain)
})

const put = (count = 1) => putEvents(db, world.organisationId, count)

describe('a delivery', () => {
  test('is verified by the library of the standard, over TLS with the name of the host', async () => {
    const { id, secret } = await addEndpoint(db, world.owner, URL_OF.secure)
    await put()
    await deliverDue(db, sender)
    const [call] = secure.received
    if (call === undefined) throw new Error('nothing arrived')
    expect(verify(secret, call)).toMatchObject({ type: 'rotation.submitted', data: { rotation: 'ROT-1' } })
    expect(call).toMatchObject({ path: '/in?from=rekey', serverName: 'hooks.test' })
    expect(call.headers).toMatchObject({ host: `hooks.test:${secure.port}`, 'content-type': 'application/json' })
    const { eventId, deliveredAt, nextAttemptAt, id: deliveryId } = await deliveryTo(db, id)
    expect(call.headers['webhook-id']).toBe(eventId)
    expect([deliveredAt instanceof Date, nextAttemptAt]).toEqual([true, null])
    expect(await attemptsOf(db, deliveryId)).toMatchObject([{ number: 1, status: 204, error: null }])
  })

  test('is not verified with another endpoint’s secret, nor with a body that was changed', async () => {
    const { secret } = await addEndpoint(db, world.owner, URL_OF.other)
    await put()
    await deliverDue(db, sender)
    const [call] = plain.received
    if (call === undefined) throw new Error('nothing arrived')
    expect(() => verify(secret, call)).toThrow('No matching signature')
    expect(() => verify(endpoint.secret, { ...call, body: `${call.body} ` })).toThrow('No matching signature')
    expect(verify(endpoint.secret, call).type).toBe('rotation.submitted')
  })

  test('while its secret is replaced either secret verifies it, and after that the new one alone', async () => {
    const { secret } = await rollWebhookSecret(partsOf(db), world.owner, endpoint.id, 3_600)
    await put()
    await deliverDue(db, sender)
    expect(plain.verified(endpoint.secret)).toHaveLength(1)
    expect(plain.verified(secret)).toHaveLength(1)
    expect(plain.received[0]?.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/)
    const ended = sql<Date>`clock_timestamp() - interval '1 millisecond'`
    await db.updateTable('webhookSecret').set({ endsAt: ended }).where('endsAt', 'is not', null).execute()
    await put()
    await deliverDue(db, sender)
    const [, later] = plain.received
    if (later === undefined) throw new Error('nothing arrived')
    expect(verify(secret, later).type).toBe('rotation.submitted')
    expect(() => verify(endpoint.secret, later)).toThrow('No matching signature')
  })

  test('of a secret replaced at once: the old one signs nothing more, and is forgotten', async () => {
    const { secret } = await rollWebhookSecret(partsOf(db), world.owner, endpoint.id, 0)
    await put()
    await deliverDue(db, sender)
    expect(plain.verified(secret)).toHaveLength(1)
    expect(() => plain.verified(endpoint.secret)).toThrow('No matching signature')
    const kept = await db.selectFrom('webhookSecret').select('id').where('endpointId', '=', endpoint.id).execute()
    expect(kept).toHaveLength(1)
  })

  test('goes to the organisation’s own endpoints and the desk’s, to those that want its type, and to nobody else', async () => {
    const { owner } = await makeDeskWorld(db)
    const foreign = await addEndpoint(db, owner, URL_OF.other)
    const desks = await addEndpoint(db, world.admin, URL_OF.other)
    const picky = await addEndpoint(db, world.owner, URL_OF.other, ['item.failed'])
    await put()
    await putEvents(db, world.organisationId, 1, { type: 'item.failed' })
    const counts = [endpoint, foreign, desks, picky].map(async ({ id }) => (await deliveriesTo(db, id)).length)
    expect(await Promise.all(counts)).toEqual([2, 0, 2, 1])
  })

  test('put twice is there once; where nobody listens not even the event is', async () => {
    const event = { naturalKey: 'the same' }
    await putEvents(db, world.organisationId, 1, event)
    await putEvents(db, world.organisationId, 1, event)
    expect(await deliveriesTo(db, endpoint.id)).toHaveLength(1)
    await removeWebhookEndpoint(db, world.owner, endpoint.id)
    await putEvents(db, world.organisationId, 1, { naturalKey: 'unheard' })
    const rows = await db.selectFrom('webhookEvent').select('id').where('naturalKey', '=', 'unheard').execute()
    expect(rows).toEqual([])
  })
})

describe('a failed attempt', () => {
  test('is repeated by the schedule of the standard, then given up', async () => {
    plain.answer = (response) => response.writeHead(500).end('no')
    // something else arrives there now and then, so the endpoint stays on
    await put()
    await db.updateTable('webhookDelivery').set({ nextAttemptAt: null, deliveredAt: new Date() }).execute()
    await put()
    const waits: number[] = []
    let delivery = (await deliveriesTo(db, endpoint.id))[1]
    for (let attempt = 1; attempt <= WEBHOOK_ATTEMPTS; attempt++) {
      await deliverDue(db, sender)
      delivery = (await deliveriesTo(db, endpoint.id))[1]
      if (delivery?.nextAttemptAt !== null) waits.push(delivery?.dueInSeconds ?? 0)
      await letTimePass(db)
    }
    const schedule = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    expect(waits).toHaveLength(schedule.length)
    schedule.forEach((seconds, i) => {
      expect(waits[i]).toBeGreaterThan(seconds - 2)
      expect(waits[i]).toBeLessThanOrEqual(seconds * 1.1)
    })
    expect(plain.received).toHaveLength(10)
    expect(new Set(plain.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(delivery).toMatchObject({ nextAttemptAt: null, deliveredAt: null, gaveUpAt: expect.any(Date) })
    const tries = await attemptsOf(db, delivery?.id ?? '')
    expect(tries.map(({ number, status, error }) => [number, status, error])).toEqual(
      Array.from({ length: 10 }, (_, i) => [i + 1, 500, 'It answered 500.']),
    )
  })

  test('is followed by one that arrives under the same id with a fresh signature', async () => {
    plain.answer = (response) => response.writeHead(404).end()
    await put()
    await deliverDue(db, sender)
    plain.answer = (response) => response.writeHead(200).end('thanks')
    await letTimePass(db)
    await deliverDue(db, sender)
    await letTimePass(db)
    await deliverDue(db, sender)
    const ids = plain.received.map(({ headers }) => headers['webhook-id'])
    expect([ids.length, new Set(ids).size]).toEqual([2, 1])
    expect(plain.verified(endpoint.secret)).toHaveLength(2)
  })

  test.each([
    ['429', 429, () => '120', 120],
    ['503', 503, () => '7', 7],
    ['503 with a date', 503, () => new Date(Date.now() + 600_000).toUTCString(), 600],
    ['503 that asks for a month', 503, () => '2592000', 86_400],
  ])('is repeated no sooner than Retry-After asks: %s', async (_name, status, retryAfter, seconds) => {
    plain.answer = (response) => response.writeHead(status, { 'retry-after': retryAfter() }).end()
    await put()
    await deliverDue(db, sender)
    const { dueInSeconds } = await deliveryTo(db, endpoint.id)
    expect(dueInSeconds).toBeGreaterThan(seconds - 5)
    expect(dueInSeconds).toBeLessThanOrEqual(seconds + 1)
    // nor is anything else sent there meanwhile
    await put()
    await deliverDue(db, sender)
    expect(plain.received).toHaveLength(1)
    await letTimePass(db)
    plain.answer = (response) => response.writeHead(204).end()
    await deliverDue(db, sender)
    expect(plain.received).toHaveLength(3)
  })

  test('with a Retry-After that is none goes by the schedule', async () => {
    plain.answer = (response) => response.writeHead(503, { 'retry-after': 'soon' }).end()
    await put()
    await deliverDue(db, sender)
    expect((await deliveryTo(db, endpoint.id)).dueInSeconds).toBeLessThanOrEqual(5.5)
  })

  test('a redirect is one, and is not followed', async () => {
    plain.answer = (response) => response.writeHead(307, { location: URL_OF.other }).end()
    await put()
    await deliverDue(db, sender)
    const { id, deliveredAt } = await deliveryTo(db, endpoint.id)
    expect(await attemptsOf(db, id)).toMatchObject([{ status: 307, error: 'It answered 307.' }])
    expect([deliveredAt, other.received.length]).toEqual([null, 0])
  })
})

describe('an endpoint that wants no more', () => {
  test('answers 410: it is switched off, what waits is ended, its keepers are told, and nothing more is sent', async () => {
    plain.answer = (response) => response.writeHead(410).end()
    await put()
    await deliverDue(db, sender)
    await put(2)
    await letTimePass(db)
    await deliverDue(db, sender)
    expect(plain.received).toHaveLength(1)
    const deliveries = await deliveriesTo(db, endpoint.id)
    expect(deliveries.map(({ nextAttemptAt, gaveUpAt }) => [nextAttemptAt, gaveUpAt !== null])).toEqual([[null, true]])
    const letters = await db.selectFrom('letter').selectAll().where('kind', '=', 'security-notice').execute()
    const notices = letters.filter(({ facts }) => facts.notice === 'webhook_switched_off')
    expect(notices.map(({ facts }) => facts.path)).toEqual([`/webhooks/${endpoint.id}`])
  })

  test('hears of what happens after it is switched on again', async () => {
    plain.answer = (response) => response.writeHead(410).end()
    await put()
    await deliverDue(db, sender)
    plain.answer = (response) => response.writeHead(204).end()
    await switchOnWebhookEndpoint(db, world.owner, endpoint.id)
    await switchOnWebhookEndpoint(db, world.owner, endpoint.id)
    await put()
    await deliverDue(db, sender)
    expect(plain.received).toHaveLength(2)
  })

  test('where nothing has arrived for three days is switched off when a delivery is given up', async () => {
    plain.answer = (response) => response.writeHead(500).end()
    await put()
    await db
      .updateTable('webhookDelivery')
      .set({ attempts: WEBHOOK_ATTEMPTS - 1 })
      .execute()
    await deliverDue(db, sender)
    const row = db.selectFrom('webhookEndpoint').selectAll().where('id', '=', endpoint.id)
    expect((await row.executeTakeFirstOrThrow()).switchedOffBecause).toBe('Nothing arrived there for days.')
  })

  test('removed, it gets nothing more: neither what waited nor what was put at that very moment', async () => {
    plain.answer = (response) => response.writeHead(500).end()
    await put()
    await deliverDue(db, sender)
    await removeWebhookEndpoint(db, world.owner, endpoint.id)
    const { id } = await deliveryTo(db, endpoint.id)
    expect((await deliveryTo(db, endpoint.id)).nextAttemptAt).toBeNull()
    await db
      .updateTable('webhookDelivery')
      .set({ nextAttemptAt: new Date(0) })
      .where('id', '=', id)
      .execute()
    await deliverDue(db, sender)
    expect(plain.received).toHaveLength(1)
    expect((await deliveryTo(db, endpoint.id)).nextAttemptAt).toBeNull()
    const secrets = await db.selectFrom('webhookSecret').selectAll().where('endpointId', '=', endpoint.id).execute()
    expect(secrets).toEqual([])
  })
})

describe('a worker that dies', () => {
  const die = (point: string) => (name: string) =>
    name === point ? Promise.reject(new Error('killed')) : Promise.resolve()

  test('before it sends: nobody sends within the lease, then another does', async () => {
    await put()
    await deliverDue(db, sender, die('webhook.claimed'))
    await deliverDue(db, openTestSender())
    expect(plain.received).toEqual([])
    const { dueInSeconds } = await deliveryTo(db, endpoint.id)
    expect(dueInSeconds).toBeGreaterThan(20)
    expect(dueInSeconds).toBeLessThanOrEqual(30)
    await letTimePass(db)
    await deliverDue(db, openTestSender())
    expect(plain.received).toHaveLength(1)
  })

  test('after it sent: the event comes a second time under the same id', async () => {
    await put()
    await deliverDue(db, sender, die('webhook.answered'))
    await letTimePass(db)
    await deliverDue(db, sender)
    const ids = plain.received.map(({ headers }) => headers['webhook-id'])
    expect([ids.length, new Set(ids).size]).toEqual([2, 1])
    expect((await deliveryTo(db, endpoint.id)).deliveredAt).toBeInstanceOf(Date)
  })

  test('one whose lease ran out doesn’t fail what another has delivered', async () => {
    plain.answer = (response) => response.writeHead(500).end()
    await put()
    await deliverDue(db, sender, async (name) => {
      if (name !== 'webhook.answered') return
      plain.answer = (response) => response.writeHead(204).end()
      await letTimePass(db)
      await deliverDue(db, openTestSender())
    })
    expect(await deliveryTo(db, endpoint.id)).toMatchObject({ nextAttemptAt: null, gaveUpAt: null, attempts: 2 })
    expect((await deliveryTo(db, endpoint.id)).deliveredAt).toBeInstanceOf(Date)
  })
})

test('several workers at once send each delivery once', async () => {
  await put(60)
  const senders = [sender, openTestSender(), openTestSender()]
  while (plain.received.length < 60) await Promise.all(senders.map((each) => deliverDue(db, each)))
  expect(new Set(plain.received.map(({ headers }) => headers['webhook-id'])).size).toBe(60)
  expect(plain.received).toHaveLength(60)
})

test('claims made at the same moment never hold the same delivery', async () => {
  for (let i = 0; i < 7; i++) await addEndpoint(db, world.owner, URL_OF.other)
  const room = { count: 32, perEndpoint: 4, except: [], leaseSeconds: 30 }
  for (let round = 0; round < 20; round++) {
    await put(4)
    const claims = await Promise.all(Array.from({ length: 8 }, () => claimDueDeliveries(db, room)))
    const ids = claims.flat().map(({ id }) => id)
    expect(ids).toHaveLength(32)
    expect(new Set(ids).size).toBe(32)
  }
})

describe('a slow endpoint', () => {
  test('holds up no other, and has no more than four calls open', async () => {
    plain.answer = () => {}
    await addEndpoint(db, world.owner, URL_OF.other)
    await put(60)
    const start = performance.now()
    for (let rounds = 0; rounds < 200 && other.received.length < 60; rounds++) {
      await startDueWebhooks(db, sender, log)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(other.received).toHaveLength(60)
    expect(performance.now() - start).toBeLessThan(4_500)
    expect(plain.peak).toBe(4)
    await finishWebhooks(sender)
    const waiting = (await deliveriesTo(db, endpoint.id)).filter(({ attempts }) => attempts > 0)
    expect(waiting).toHaveLength(4)
    const [{ id } = { id: '' }] = waiting
    expect(await attemptsOf(db, id)).toMatchObject([{ status: null, error: 'No answer within 5 seconds.' }])
  })

  test('is called outside any transaction and lock', async () => {
    plain.answer = (response) => setTimeout(() => response.writeHead(204).end(), 400)
    await put()
    await startDueWebhooks(db, sender, log)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const { rows } = await sql`
      select 1 from pg_stat_activity
      where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()`.execute(db)
    expect(rows).toEqual([])
    await sql`select id from webhook_delivery for update nowait`.execute(db)
    await finishWebhooks(sender)
  })

  test('is broken off when the worker stops, and called again later', async () => {
    plain.answer = () => {}
    await put()
    const own = openTestSender()
    await startDueWebhooks(db, own, log)
    await new Promise((resolve) => setTimeout(resolve, 200))
    own.close()
    const start = performance.now()
    await finishWebhooks(own)
    expect(performance.now() - start).toBeLessThan(1_000)
    const { id, nextAttemptAt } = await deliveryTo(db, endpoint.id)
    expect(nextAttemptAt).toBeInstanceOf(Date)
    expect(await attemptsOf(db, id)).toMatchObject([{ error: 'The desk was stopped before there was an answer.' }])
  })
})

describe('a replay', () => {
  test('sends what arrived once more, under the same id, and the schedule starts anew', async () => {
    await put()
    await deliverDue(db, sender)
    const { id } = await deliveryTo(db, endpoint.id)
    plain.answer = (response) => response.writeHead(500).end()
    await replayWebhook(db, world.owner, id)
    await deliverDue(db, sender)
    const failed = await deliveryTo(db, endpoint.id)
    expect(failed).toMatchObject({ attempts: 2, deliveredAt: null })
    expect(failed.dueInSeconds).toBeLessThanOrEqual(5.5)
    expect(new Set(plain.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(plain.received).toHaveLength(2)
  })

  test('brings forward what waits; asked for twice at once it is sent once', async () => {
    plain.answer = (response) => response.writeHead(500).end()
    await put()
    await deliverDue(db, sender)
    plain.answer = (response) => response.writeHead(204).end()
    const { id } = await deliveryTo(db, endpoint.id)
    await Promise.all(Array.from({ length: 20 }, () => replayWebhook(db, world.owner, id)))
    await deliverDue(db, sender)
    expect(plain.received).toHaveLength(2)
    const entries = await db.selectFrom('auditEntry').select('body').where('action', '=', 'webhook.replay').execute()
    expect(entries.filter(({ body }) => body.includes(id))).toHaveLength(1)
  })

  test('leaves alone what is under way', async () => {
    plain.answer = (response) => setTimeout(() => response.writeHead(204).end(), 300)
    await put()
    await startDueWebhooks(db, sender, log)
    await replayWebhook(db, world.owner, (await deliveryTo(db, endpoint.id)).id)
    await deliverDue(db, openTestSender())
    await finishWebhooks(sender)
    expect(plain.received).toHaveLength(1)
  })
})

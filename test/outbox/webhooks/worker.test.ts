import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { openTestDatabase } from '../../support/database.ts'
import { startReceiver } from '../../support/webhook-receiver.ts'
import { stop, until, workersOn } from '../../support/workers.ts'
import { addService, type DeskWorld, fileAndApprove, makeDeskWorld } from '../../support/worlds/desk-world.ts'
import { addEndpoint, attemptsOf, deliveryTo, letTimePass, putEvents } from './world.ts'

const { db, url } = await openTestDatabase()
const startProcess = workersOn(url)
const receiver = await startReceiver('http')
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

beforeEach(async () => {
  await db.updateTable('webhookEndpoint').set({ removedAt: new Date() }).execute()
  receiver.received.length = 0
  receiver.answer = (response) => response.writeHead(204).end()
})

const add = () => addEndpoint(db, world.owner, `http://127.0.0.1:${receiver.port}/`)

test('what the worker does is told within seconds', async () => {
  const { secret } = await add()
  const worker = startProcess()
  await putEvents(db, world.organisationId)
  await until('the worker', async () => receiver.received.length === 1)
  receiver.received.length = 0
  const { id } = await addService(db, world.admin, world.organisationId, 'Told at once')
  await fileAndApprove(db, world, id)
  await until('the last event', async () => receiver.verified(secret).some(({ type }) => type === 'rotation.overlap'))
  await stop(worker)
  const delays = receiver.received.map(({ body, headers }) => {
    const { timestamp } = JSON.parse(body)
    return Number(headers['webhook-timestamp']) - new Date(timestamp).getTime() / 1000
  })
  expect(delays.length).toBeGreaterThan(5)
  expect(Math.max(...delays)).toBeLessThan(5)
})

test.each(['webhook.claimed', 'webhook.answered'])(
  'a worker killed at %s: at least once, never within its lease',
  async (point) => {
    const { id } = await add()
    const dying = startProcess('--die', point)
    await putEvents(db, world.organisationId)
    const [, signal] = await once(dying, 'exit')
    expect(signal).toBe('SIGKILL')
    const already = point === 'webhook.answered' ? 1 : 0
    expect(receiver.received).toHaveLength(already)
    const next = startProcess()
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(receiver.received).toHaveLength(already)
    await letTimePass(db)
    await until('the delivery', async () => (await deliveryTo(db, id)).deliveredAt !== null)
    await stop(next)
    const delivery = await deliveryTo(db, id)
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(
      Array(already + 1).fill(delivery.eventId),
    )
    expect(await attemptsOf(db, delivery.id)).toMatchObject([{ number: 2, status: 204 }])
  },
)

describe('WEBHOOK_ALLOWED_HOSTS', () => {
  const read = (hosts: string) => readConfig({ DATA_DIR: tmpdir(), WEBHOOK_ALLOWED_HOSTS: hosts })

  test('names hosts and addresses, with a port or without', () => {
    const hosts = ['hooks.internal', '10.0.0.7:9000', '[::1]:8080', 'localhost']
    expect(read(` ${hosts.join(' , ')} `).webhookAllowedHosts).toEqual(hosts)
    expect(read('').webhookAllowedHosts).toEqual([])
  })

  test.each(['http://hooks.internal', 'hooks internal', '*', '10.0.0.0/8', 'user@hooks', 'hooks/path'])(
    '%s stops the start with a sentence that names it',
    (hosts) => {
      expect(() => read(hosts)).toThrow(/^WEBHOOK_ALLOWED_HOSTS must be hosts/)
    },
  )
})

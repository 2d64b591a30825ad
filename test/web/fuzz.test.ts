import { fc } from '@fast-check/vitest'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { approveRotation } from '../../src/desk/decide.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { addDependant } from '../../src/keyring/dependants/add.ts'
import { createGateway } from '../../src/keyring/gateways.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { ACTIONS, type Action } from '../../src/rules/permissions.ts'
import type { Route } from '../../src/web/api/route.ts'
import { API_ROUTES } from '../../src/web/api/routes.ts'
import { openTestDatabase } from '../support/database.ts'
import { arbitraryOf, type Known } from '../support/fuzz/arbitrary.ts'
import { type Answer, type Client, openDesk, type Sent } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'

const RUNS = 10
const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld
let known: Omit<Known, 'kind'>
let gatewayToken: string
const stepUps = new Map<Client, string>()
const answered = new Map<number, number>()

/** Every id there is, but of the two who call: one of them might take the other's role away. */
async function findIds(): Promise<string[]> {
  const { db } = database
  const tables = [
    'organisation',
    'person',
    'gateway',
    'service',
    'key',
    'version',
    'item',
    'followUp',
    'message',
  ] as const
  const more = [
    'webhookEndpoint',
    'webhookDelivery',
    'dataset',
    'dependant',
    'task',
    'cannedAnswer',
    'invitation',
  ] as const
  const found = await Promise.all([...tables, ...more].map((table) => db.selectFrom(table).select('id').execute()))
  const callers = [world.people.owner, world.people.admin].map(({ actor }) => actor.personId)
  return found.flatMap((rows) => rows.map(({ id }) => id)).filter((id) => !callers.includes(id))
}

async function fileSome(): Promise<void> {
  const { db } = database
  const { owner, agent } = world.people
  const shapes = [
    { reason: 'scheduled', overlapSeconds: 86_400, approved: true },
    { reason: 'compromised', overlapSeconds: 3_600, approved: true },
    { reason: 'other', overlapSeconds: 86_400, approved: false },
  ] as const
  for (const [i, { approved, ...filing }] of shapes.entries()) {
    const { serviceId, authKeyId } = await world.addService(`Fuzzed ${i}`)
    await addDependant(db, owner.actor, authKeyId, { type: 'kms', name: 'Ledger' })
    const items = [{ serviceId, kinds: ['auth', 'admin'] as const }]
    const { ref } = await submitRotation(db, owner.actor, { items, ...filing })
    if (approved) await approveRotation(db, agent.actor, ref, { revision: 1 })
  }
  await work(desk)
}

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { db } = database
  await db.updateTable('policy').set({ filingsPerHour: 1_000_000 }).execute()
  gatewayToken = (await createGateway(db, world.people.admin.actor, { name: 'edge' })).token
  const { secret } = await revealVersion(db, desk.desk.sealer, world.people.owner.actor, world.place.versionId)
  const { confirmed } = world.clients.owner
  expect((await confirmed('POST', '/v1/webhook-endpoints', { body: { url: 'https://hooks.test/' } })).status).toBe(201)
  await fileSome()
  const refs = (await db.selectFrom('rotation').select('ref').execute()).map(({ ref }) => ref)
  known = {
    ids: await findIds(),
    refs,
    byName: {
      key: [secret],
      confirmName: ['Payments EU', 'Fuzzed 0', 'Auth key'],
      email: ['nia@acme.example', 'ada@acme.example'],
      url: ['https://hooks.test/x', 'http://127.0.0.1/'],
      ipRanges: ['203.0.113.0/24', '2001:db8::/32', '::ffff:203.0.113.7', '0.0.0.0/0', '::/0', '203.0.113.7/33'],
      ip: ['203.0.113.7', '::ffff:203.0.113.7', '2001:db8::1%eth0'],
      revision: [1],
      timeZone: ['Europe/Zurich'],
    },
  }
  for (const client of [world.clients.owner, world.clients.admin]) stepUps.set(client, await client.newStepUp())
  await db
    .updateTable('stepUp')
    .set({ callsLeft: 1_000_000, expiresAt: new Date(Date.now() + 3_600_000) })
    .execute()
})

const parameters = z.record(z.string(), z.unknown())

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** As `encodeURIComponent`, also for half a character, which it throws on. */
function encoded(value: unknown): string {
  return encodeURIComponent(textOf(value).toWellFormed())
}

function addressOf({ path }: Route, params: unknown, query: unknown): string {
  const values = parameters.safeParse(params).data ?? {}
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => encoded(values[name]) || 'x')
  const pairs = Object.entries(parameters.safeParse(query).data ?? {})
  return `${filled}?${pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')}`
}

type Generated = { params: unknown; query: unknown; body: unknown }

async function send(route: Route, client: Client, { params, query, body }: Generated): Promise<Answer> {
  const method = route.method.toUpperCase()
  const sent: Sent = method === 'GET' ? {} : { body }
  const path = addressOf(route, params, query)
  if (route.access === 'gateway') {
    return desk.call(method, path, { ...sent, headers: { authorization: `Bearer ${gatewayToken}` } })
  }
  return client.call(method, path, { ...sent, headers: { 'rekey-step-up': stepUps.get(client) ?? '' } })
}

/** What takes something away, or forbids it, comes last: there would be nothing left to ask for. */
function order({ method, path }: Route): number {
  if (path.includes('policy')) return 2
  return method === 'delete' || /disab|revoc/.test(path) ? 1 : 0
}

/** How the ids of what an address names begin. */
const KINDS: Readonly<Record<string, string>> = {
  organisations: 'org_',
  members: 'per_',
  people: 'per_',
  staff: 'per_',
  gateways: 'gwy_',
  services: 'svc_',
  keys: 'key_',
  versions: 'ver_',
  items: 'itm_',
  'follow-ups': 'fup_',
  dependants: 'dep_',
  tasks: 'tsk_',
  datasets: 'dst_',
  'webhook-endpoints': 'whe_',
  'webhook-deliveries': 'whd_',
}

function isAction(access: Route['access']): access is Action {
  return Object.hasOwn(ACTIONS, access)
}

/** Mostly somebody who may, if one of the two may. */
function whoOf({ access }: Route): fc.Arbitrary<'owner' | 'admin'> {
  const roles: readonly string[] = isAction(access) ? ACTIONS[access] : []
  const weight = (role: string) => (roles.includes(role) ? 9 : 1)
  return fc.oneof(
    { weight: weight('owner'), arbitrary: fc.constant('owner' as const) },
    { weight: weight('admin'), arbitrary: fc.constant('admin' as const) },
  )
}

const routes = API_ROUTES.toSorted((a, b) => order(a) - order(b)).map(
  (route) => [`${route.method} ${route.path}`, route] as const,
)

describe('whatever is sent, no call is answered with an error of ours', () => {
  test.each(routes)('%s', { timeout: 120_000 }, async (_, route) => {
    const about = { ...known, kind: KINDS[route.path.split('/')[2] ?? ''] ?? '' }
    const generated = fc.record({
      params: arbitraryOf(route.params, about),
      query: arbitraryOf(route.query, about),
      body: arbitraryOf(route.body, about),
    })
    const property = fc.asyncProperty(generated, whoOf(route), async (input, who) => {
      const { status, text } = await send(route, world.clients[who], input)
      answered.set(status, (answered.get(status) ?? 0) + 1)
      expect(status, text).toBeLessThan(500)
    })
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true })
  })

  test('and some of it was done, so that the above is about more than checks of fields', () => {
    expect([...answered.keys()]).toEqual(expect.arrayContaining([200, 201, 204, 400, 403, 404, 409]))
    const done = [...answered].filter(([status]) => status < 300).reduce((sum, [, count]) => sum + count, 0)
    expect(done).toBeGreaterThan(answered.size * RUNS)
  })

  test('and nothing failed unseen', async () => {
    expect(desk.logged.filter((line) => line.includes('request.failed'))).toEqual([])
    for (const client of [world.clients.owner, world.clients.admin]) {
      expect((await client.call('GET', '/v1/me')).status).toBe(200)
    }
  })
})

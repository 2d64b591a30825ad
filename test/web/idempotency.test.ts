import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk, sealer } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { signIn } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld
let counter = 0

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

const gateway = z.object({ id: z.string(), token: z.string().nullable() })
const problem = z.object({ code: z.string() })

function newKey(): string {
  counter += 1
  return `key-${counter}`
}

function makeGateway(key: string, name: string): Promise<Answer> {
  return world.clients.admin.confirmed('POST', '/v1/gateways', { body: { name }, headers: { 'idempotency-key': key } })
}

function makeService(key: string, name: string): Promise<Answer> {
  const body = { name, environment: 'sandbox' }
  return world.clients.owner.call('POST', '/v1/services', { body, headers: { 'idempotency-key': key } })
}

async function countGateways(name: string): Promise<number> {
  return (await database.db.selectFrom('gateway').select('id').where('name', '=', name).execute()).length
}

test('a replay gets the stored answer, and nothing is made again', async () => {
  const key = newKey()
  const first = await makeService(key, 'Replayed')
  const second = await makeService(key, 'Replayed')
  expect([first.status, first.headers['idempotent-replay']]).toEqual([201, undefined])
  expect([second.status, second.headers['idempotent-replay']]).toEqual([201, 'true'])
  expect(second.json).toEqual(first.json)
})

test('a replay never shows a secret a second time, and none is kept', async () => {
  const key = newKey()
  const first = gateway.parse((await makeGateway(key, 'Secret')).json)
  const second = gateway.parse((await makeGateway(key, 'Secret')).json)
  expect(first.token).toMatch(/^rkg_/)
  expect(second).toEqual({ id: first.id, token: null })
  expect(await countGateways('Secret')).toBe(1)
  const kept = await database.db.selectFrom('idempotentCall').select('body').execute()
  expect(JSON.stringify(kept)).not.toContain('rkg_')
})

test('the same key with another body or address is refused', async () => {
  const key = newKey()
  await makeService(key, 'One thing')
  const other = await makeService(key, 'Another thing')
  expect([other.status, problem.parse(other.json).code]).toEqual([422, 'IDEMPOTENCY_MISMATCH'])
  const body = { items: [{ keyId: world.place.authKeyId }], reason: 'other' }
  const elsewhere = await world.clients.owner.confirmed('POST', '/v1/rotations', {
    body,
    headers: { 'idempotency-key': key },
  })
  expect(problem.parse(elsewhere.json).code).toBe('IDEMPOTENCY_MISMATCH')
})

test('the same key of somebody else is another key', async () => {
  const key = newKey()
  await makeService(key, 'Shared key')
  const body = { name: 'Shared key', environment: 'sandbox' }
  const other = await world.clients.rival.call('POST', '/v1/services', { body, headers: { 'idempotency-key': key } })
  expect([other.status, other.headers['idempotent-replay']]).toEqual([201, undefined])
})

test('twenty at once with one key make one thing', async () => {
  const key = newKey()
  const answers = await Promise.all(Array.from({ length: 20 }, () => makeService(key, 'At once')))
  const made = answers.filter((answer) => answer.status === 201)
  const busy = answers.filter((answer) => answer.status === 409)
  expect(made.length + busy.length).toBe(20)
  expect(new Set(made.map((answer) => answer.text)).size).toBe(1)
  for (const answer of busy) {
    expect(problem.parse(answer.json).code).toBe('IDEMPOTENCY_BUSY')
    expect(answer.headers['retry-after']).toBe('1')
  }
  expect((await makeService(key, 'At once')).text).toBe(made[0]?.text)
})

test('a refusal sets the key free', async () => {
  const key = newKey()
  const body = { name: 'Free again' }
  const headers = { 'idempotency-key': key }
  const refused = await world.clients.admin.call('POST', '/v1/gateways', { body, headers })
  expect(problem.parse(refused.json).code).toBe('STEP_UP_REQUIRED')
  expect((await makeGateway(key, 'Free again')).status).toBe(201)
  expect(await countGateways('Free again')).toBe(1)
})

test('a call that died on the way is busy for a minute and may be repeated then', async () => {
  const key = newKey()
  await makeGateway(key, 'Died')
  const rows = database.db.updateTable('idempotentCall').where('idempotencyKey', '=', key)
  await rows.set({ status: null, body: null }).execute()
  expect(problem.parse((await makeGateway(key, 'Died')).json).code).toBe('IDEMPOTENCY_BUSY')
  await rows.set({ createdAt: sql`created_at - interval '61 seconds'` }).execute()
  expect((await makeGateway(key, 'Other')).status).toBe(422)
  expect((await makeGateway(key, 'Died')).status).toBe(201)
  expect((await makeGateway(key, 'Died')).headers['idempotent-replay']).toBe('true')
})

test('an answer is forgotten after a day', async () => {
  const key = newKey()
  await makeService(key, 'Yesterday')
  await database.db
    .updateTable('idempotentCall')
    .set({ createdAt: sql`created_at - interval '25 hours'` })
    .where('idempotencyKey', '=', key)
    .execute()
  expect((await makeService(key, 'Today')).status).toBe(201)
  const old = newKey()
  await makeService(old, 'Long ago')
  await database.db
    .updateTable('idempotentCall')
    .set({ bearerId: 'a session long over', createdAt: sql`created_at - interval '25 hours'` })
    .where('idempotencyKey', '=', old)
    .execute()
  await makeService(newKey(), 'Now')
  const kept = await database.db.selectFrom('idempotentCall').select('body').where('idempotencyKey', '=', old).execute()
  expect(kept).toEqual([])
})

async function sendForm(fields: Record<string, string>): Promise<Answer> {
  const { bearer, sessionToken } = await signIn(database.db, sealer, world.people.admin)
  const text = new URLSearchParams({ formToken: bearer.formToken ?? '', draft: newKey(), ...fields }).toString()
  const type = { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' }
  const headers = { ...type, cookie: `__Host-rekey=${sessionToken}`, origin: desk.url }
  return desk.call('POST', '/gateways', { headers, text })
}

test('what is done is answered as done, by call and by form, when its answer can’t be kept', async () => {
  const key = newKey()
  await sql`create function refuse_keeping() returns trigger language plpgsql as
    $$ begin raise exception 'no room'; end $$`.execute(database.db)
  await sql`create trigger keeps_nothing before update on idempotent_call
    for each row when (new.status is not null) execute function refuse_keeping()`.execute(database.db)
  const called = await makeGateway(key, 'Not kept')
  const sent = await sendForm({ name: 'Not kept' })
  await sql`drop trigger keeps_nothing on idempotent_call`.execute(database.db)
  expect(gateway.parse(called.json).token).toMatch(/^rkg_/)
  expect([sent.status, sent.text]).toEqual([200, expect.stringContaining('rkg_')])
  expect(await countGateways('Not kept')).toBe(2)
  expect(desk.logged.filter((line) => line.includes('idempotency.not_kept'))).toHaveLength(2)
})

test.each(['', ' ', 'x'.repeat(256), 'spaced key', 'ümlaut'])('a key that is none is refused: "%s"', async (key) => {
  const answer = await makeService(Buffer.from(key).toString('latin1'), 'Never')
  expect([answer.status, problem.parse(answer.json).code]).toEqual([400, 'INVALID_REQUEST'])
})

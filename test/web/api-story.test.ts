import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { rotation as rotationShape } from '../../src/web/api/rotation-shapes.ts'
import { verification } from '../../src/web/api/shapes.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld
let gatewayToken: string

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const made = await world.clients.admin.confirmed('POST', '/v1/gateways', { body: { name: 'Edge' } })
  gatewayToken = z.object({ token: z.string() }).parse(made.json).token
})

async function verify(key: string, more: object = {}) {
  const headers = { authorization: `Bearer ${gatewayToken}` }
  const answer = await desk.call('POST', '/v1/keys/verify', { headers, body: { key, ...more } })
  expect(answer.status).toBe(200)
  return verification.parse(answer.json)
}

async function reveal(versionId: string): Promise<string> {
  const answer = await world.clients.owner.confirmed('POST', `/v1/versions/${versionId}/reveal`)
  return z.object({ secret: z.string() }).parse(answer.json).secret
}

const versionIds = z.object({
  keys: z.array(z.object({ id: z.string(), versions: z.array(z.object({ id: z.string() })) })),
})

async function makeService(name: string) {
  const { owner } = world.clients
  const made = await owner.call('POST', '/v1/services', { body: { name, environment: 'live' } })
  expect(made.status).toBe(201)
  const { id } = z.object({ id: z.string() }).parse(made.json)
  const secrets = []
  for (const key of versionIds.parse(made.json).keys) secrets.push(await reveal(key.versions[0]?.id ?? ''))
  return { id, secrets }
}

describe('a rotation, by scripts alone', () => {
  test('goes from the request to the old keys that are refused', async () => {
    const { owner, agent, viewer } = world.clients
    const service = await makeService('Story')
    for (const secret of service.secrets) expect(await verify(secret)).toMatchObject({ code: 'VALID', rotation: null })

    const items = [{ serviceId: service.id, kinds: ['auth', 'admin'] }]
    const body = { items, reason: 'scheduled', details: 'Yearly.', overlapSeconds: 3600 }
    const filed = await owner.confirmed('POST', '/v1/rotations', { body })
    expect(filed.status).toBe(201)
    const { ref, revision } = rotationShape.parse(filed.json)
    expect(filed.json).toMatchObject({ status: 'submitted', approvalsNeeded: 1, requester: { name: 'Ada Owner' } })

    const approved = await agent.confirmed('POST', `/v1/rotations/${ref}/approval`, {
      body: { revision, note: 'Fine.' },
    })
    expect([approved.status, approved.json]).toEqual([200, expect.objectContaining({ status: 'scheduled' })])
    await work(desk)

    const shown = rotationShape.parse((await viewer.call('GET', `/v1/rotations/${ref}`)).json)
    expect(shown).toMatchObject({ ref, status: 'overlap', items: [{ status: 'overlap' }, { status: 'overlap' }] })
    const fresh = []
    for (const item of shown.items) fresh.push(await reveal(item.newVersionId ?? ''))
    const old = await verify(service.secrets[0] ?? '')
    expect(old).toMatchObject({ valid: true, code: 'VALID', rotation: { role: 'old', ref } })
    expect(old.headers?.Deprecation).toMatch(/^@\d+$/)
    for (const secret of fresh)
      expect(await verify(secret)).toMatchObject({ code: 'VALID', rotation: { role: 'new' }, headers: null })

    const revoked = await owner.confirmed('POST', `/v1/rotations/${ref}/early-revocation`)
    expect([revoked.status, revoked.json]).toEqual([
      201,
      expect.objectContaining({ type: 'early_revocation', status: 'done' }),
    ])
    for (const secret of service.secrets) expect(await verify(secret)).toMatchObject({ valid: false, code: 'REVOKED' })
    for (const secret of fresh) expect(await verify(secret)).toMatchObject({ valid: true, code: 'VALID' })
    await work(desk)
    expect((await owner.call('GET', `/v1/rotations/${ref}`)).json).toMatchObject({ status: 'completed' })

    const events = await viewer.call('GET', `/v1/rotations/${ref}/events`)
    const actions = z.object({ items: z.array(z.object({ action: z.string() })) }).parse(events.json).items
    expect(actions.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['rotation.submit', 'rotation.approve', 'version.reveal']),
    )
    expect(events.text).not.toContain(fresh[0] ?? '')
  })

  test('is withdrawn before its start, and rejected with a reason, and then is over', async () => {
    const { owner, agent } = world.clients
    const file = async () => {
      const items = [{ keyId: world.place.authKeyId }]
      const filed = await owner.confirmed('POST', '/v1/rotations', { body: { items, reason: 'lost' } })
      return rotationShape.parse(filed.json)
    }
    const first = await file()
    expect(first.overlapSeconds).toBe(2_592_000)
    const withdrawn = await owner.call('POST', `/v1/rotations/${first.ref}/withdrawal`)
    expect(withdrawn.json).toMatchObject({ status: 'withdrawn' })
    const late = await agent.confirmed('POST', `/v1/rotations/${first.ref}/approval`, { body: { revision: 1 } })
    expect([late.status, late.json]).toEqual([409, expect.objectContaining({ code: 'ILLEGAL_MOVE' })])
    const second = await file()
    const stale = await agent.call('POST', `/v1/rotations/${second.ref}/rejection`, {
      body: { revision: 2, reason: 'No.' },
    })
    expect([stale.status, stale.json]).toEqual([409, expect.objectContaining({ code: 'STALE_REVISION' })])
    const rejected = await agent.call('POST', `/v1/rotations/${second.ref}/rejection`, {
      body: { revision: 1, reason: 'No.' },
    })
    expect(rejected.json).toMatchObject({ status: 'rejected', decisionReason: 'No.' })
  })

  test('takes no text that holds a key, from either side', async () => {
    const { owner, agent } = world.clients
    const { id, secrets } = await makeService('Leaky')
    const details = `Our key ${secrets[0]} leaked.`
    const body = { items: [{ serviceId: id, kinds: ['auth'] }], reason: 'compromised' }
    const refused = await owner.confirmed('POST', '/v1/rotations', { body: { ...body, details } })
    expect([refused.status, refused.json]).toEqual([422, expect.objectContaining({ code: 'CONTAINS_SECRET' })])
    const { ref } = rotationShape.parse((await owner.confirmed('POST', '/v1/rotations', { body })).json)
    const texts = { rejection: { revision: 1, reason: details }, approval: { revision: 1, note: details } }
    for (const [move, sent] of Object.entries(texts)) {
      const answer = await agent.confirmed('POST', `/v1/rotations/${ref}/${move}`, { body: sent })
      expect([answer.status, answer.json]).toEqual([422, expect.objectContaining({ code: 'CONTAINS_SECRET' })])
    }
  })

  test('is refused beside a live one of the same key', async () => {
    const { owner } = world.clients
    const { id } = await makeService('Twice')
    const body = { items: [{ serviceId: id, kinds: ['admin'] }], reason: 'other' }
    expect((await owner.confirmed('POST', '/v1/rotations', { body })).status).toBe(201)
    const again = await owner.confirmed('POST', '/v1/rotations', { body })
    expect([again.status, again.json]).toEqual([409, expect.objectContaining({ code: 'ROTATION_IN_PROGRESS' })])
  })
})

describe('a secret', () => {
  test('is shown once, and never in any other answer', async () => {
    const { owner } = world.clients
    const { id, secrets } = await makeService('Once')
    const service = await owner.call('GET', `/v1/services/${id}`)
    const versions = versionIds.parse(service.json).keys.map((key) => key.versions[0]?.id)
    for (const version of versions) {
      const again = await owner.confirmed('POST', `/v1/versions/${version}/reveal`, {
        headers: { 'idempotency-key': 'x' },
      })
      expect([again.status, again.json]).toEqual([410, expect.objectContaining({ code: 'ALREADY_REVEALED' })])
      expect((await owner.call('GET', `/v1/versions/${version}/reveal`)).status).toBe(405)
    }
    const audit = await owner.call('GET', '/v1/audit?limit=100')
    for (const text of [service.text, audit.text, desk.logged.join('')]) {
      for (const secret of secrets) expect(text).not.toContain(secret)
    }
  })

  test('is not shown to a developer whom no owner allowed', async () => {
    const answer = await world.clients.developer.confirmed('POST', `/v1/versions/${world.place.versionId}/reveal`)
    expect([answer.status, answer.json]).toEqual([403, expect.objectContaining({ code: 'NOT_ALLOWED' })])
  })
})

describe('verify', () => {
  test('answers 200 with a verdict to whatever text is asked', async () => {
    const texts = [
      '',
      'nonsense',
      'rk_auth_live_x',
      'x'.repeat(257),
      'rk_auth_live_\u0000',
      '\ud800',
      `rk_auth_live_${'0'.repeat(38)}`,
    ]
    for (const text of texts) expect(await verify(text)).toMatchObject({ valid: false, code: 'NOT_FOUND', keyId: null })
  })

  test('refuses every token but a live gateway’s', async () => {
    const { admin } = world.clients
    const made = await admin.confirmed('POST', '/v1/gateways', { body: { name: 'Short-lived' } })
    const { id, token } = z.object({ id: z.string(), token: z.string() }).parse(made.json)
    const ask = (authorization: string) =>
      desk.call('POST', '/v1/keys/verify', {
        headers: authorization === '' ? {} : { authorization },
        body: { key: 'x' },
      })
    expect((await ask(`Bearer ${token}`)).status).toBe(200)
    expect((await admin.confirmed('DELETE', `/v1/gateways/${id}`)).status).toBe(204)
    for (const bad of [`Bearer ${token}`, '', 'Bearer', 'Basic x', `Bearer ${admin.token}`, 'Bearer rkg_unknown']) {
      expect((await ask(bad)).status).toBe(401)
    }
    expect((await desk.call('GET', '/v1/me', { headers: { authorization: `Bearer ${gatewayToken}` } })).status).toBe(
      401,
    )
  })

  test.each([
    { ip: 'nowhere' },
    { ip: '1.2.3.4/8' },
    { ip: '1.2.3.4\u0000' },
    { permission: 'root' },
    { more: 1 },
    { tags: 'a' },
  ])('refuses %j as malformed', async (more) => {
    const headers = { authorization: `Bearer ${gatewayToken}` }
    const answer = await desk.call('POST', '/v1/keys/verify', { headers, body: { key: 'x', ...more } })
    expect([answer.status, answer.json]).toEqual([400, expect.objectContaining({ code: 'INVALID_REQUEST' })])
  })
})

describe('a list', () => {
  test('is the same read at once or page by page, while rows are added', async () => {
    const { owner, admin } = world.clients
    const page = z.object({ items: z.array(z.object({ id: z.string() })), nextCursor: z.string().nullable() })
    const all = page.parse((await owner.call('GET', '/v1/services?limit=100')).json).items.map(({ id }) => id)
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const from: string = cursor === '' ? '' : `&cursor=${cursor}`
      const next = page.parse((await owner.call('GET', `/v1/services?limit=1${from}`)).json)
      seen.push(...next.items.map(({ id }) => id))
      cursor = next.nextCursor
      if (seen.length === 1) await world.addService(`Added ${Date.now()}`)
    }
    expect(seen.slice(0, all.length)).toEqual(all)
    expect(seen).toHaveLength(all.length + 1)
    const organisations = page.parse((await admin.call('GET', '/v1/organisations?limit=1')).json)
    expect(organisations.nextCursor).not.toBeNull()
    const rest = page.parse((await admin.call('GET', `/v1/organisations?cursor=${organisations.nextCursor}`)).json)
    expect([rest.items.length, rest.nextCursor]).toEqual([1, null])
  })

  test.each([
    'limit=0',
    'limit=101',
    'limit=1.5',
    'limit=x',
    'cursor=nonsense',
    'cursor=WyJcdTAwMDAiXQ',
    // A 31st of February, and a year 0.
    'cursor=WyIyMDI2LTAyLTMxVDAwOjAwOjAwLjAwMFoiLCJST1QtMSJd',
    'cursor=WyIwMDAwLTAxLTAxVDAwOjAwOjAwLjAwMFoiLCJST1QtMSJd',
    'other=1',
    'limit=1&limit=2',
  ])('refuses %s', async (query) => {
    for (const path of ['/v1/services', '/v1/rotations']) {
      expect((await world.clients.owner.call('GET', `${path}?${query}`)).status).toBe(400)
    }
  })

  test.each([
    'status=submitted,completed',
    'status=',
    'q=Story',
    'q=%25',
    'q=%00',
    'q=%ED%A0%80',
    'sort=deadline',
    'sort=nothing',
    'assignee=per_x',
  ])('of rotations takes or refuses %s, and never breaks on it', async (query) => {
    expect([200, 400]).toContain((await world.clients.agent.call('GET', `/v1/rotations?${query}`)).status)
  })
})

test('an audit chain can be followed by its hashes', async () => {
  const { owner } = world.clients
  const shape = z.object({
    items: z.array(z.object({ sequence: z.int(), hash: z.string(), previousHash: z.string() })),
  })
  const { items } = shape.parse((await owner.call('GET', '/v1/audit?limit=100')).json)
  expect(items.length).toBeGreaterThan(5)
  for (const [i, entry] of items.entries()) {
    expect(entry.sequence).toBe(i + 1)
    expect(entry.previousHash).toBe(items[i - 1]?.hash ?? '0'.repeat(64))
  }
})

test('a person sees who they are, with a token or a session', async () => {
  const { owner } = world.people
  const me = await world.clients.owner.call('GET', '/v1/me')
  expect(me.json).toEqual({
    person: { id: owner.actor.personId, name: 'Ada Owner', email: 'ada@acme.example', timeZone: 'UTC' },
    organisation: { id: owner.organisationId, name: 'Acme' },
    role: 'owner',
  })
  const bySession = await desk.call('GET', '/v1/me', { headers: { cookie: `__Host-rekey=${owner.sessionToken}` } })
  expect(bySession.json).toEqual(me.json)
})

test('a disabled key is refused from the answer on, and accepted again when it is enabled', async () => {
  const { owner } = world.clients
  const { id, secrets } = await makeService('Switched')
  const shown = await owner.call('GET', `/v1/services/${id}`)
  const [key] = versionIds.parse(shown.json).keys
  expect((await owner.confirmed('POST', `/v1/keys/${key?.id}/disable`)).status).toBe(204)
  expect(await verify(secrets[0] ?? '')).toMatchObject({ valid: false, code: 'DISABLED' })
  expect((await owner.confirmed('POST', `/v1/keys/${key?.id}/enable`)).status).toBe(204)
  expect(await verify(secrets[0] ?? '')).toMatchObject({ valid: true, code: 'VALID' })
})

test('a token that was made by a script works until it is revoked', async () => {
  const { viewer } = world.clients
  const body = { name: 'second', expiresAt: new Date(Date.now() + 3_600_000).toISOString() }
  const made = await viewer.confirmed('POST', '/v1/tokens', { body })
  const { id, token } = z.object({ id: z.string(), token: z.string() }).parse(made.json)
  const headers = { authorization: `Bearer ${token}` }
  expect((await desk.call('GET', '/v1/me', { headers })).status).toBe(200)
  expect((await viewer.call('GET', '/v1/tokens')).text).not.toContain(token)
  expect((await viewer.confirmed('DELETE', `/v1/tokens/${id}`)).status).toBe(204)
  expect((await desk.call('GET', '/v1/me', { headers })).status).toBe(401)
})

describe('a filing', () => {
  const good = { items: [{ keyId: 'key_x' }], reason: 'other' }
  test.each([
    ['/items', { ...good, items: [] }],
    ['/items', { reason: 'other' }],
    ['/items/0', { ...good, items: [{}] }],
    ['/items/0', { ...good, items: [{ serviceId: 'svc_x', kinds: ['auth'], keyId: 'key_x' }] }],
    ['/items/0/kinds', { ...good, items: [{ serviceId: 'svc_x', kinds: [] }] }],
    ['/items/0/keyId', { ...good, items: [{ keyId: 'key_\u0000' }] }],
    ['/reason', { ...good, reason: 'bored' }],
    ['/overlapSeconds', { ...good, overlapSeconds: -1 }],
    ['/overlapSeconds', { ...good, overlapSeconds: 2_592_001 }],
    ['/overlapSeconds', { ...good, overlapSeconds: 1.5 }],
    ['/overlapSeconds', { ...good, overlapSeconds: '60' }],
    ['/notBefore', { ...good, notBefore: 'tomorrow' }],
    ['/notBefore', { ...good, notBefore: '2026-12-02' }],
    ['/notBefore', { ...good, notBefore: '2026-12-02T08:00:00' }],
    ['/notBefore', { ...good, notBefore: '2026-02-30T08:00:00Z' }],
    ['/details', { ...good, details: 'x'.repeat(2_001) }],
    ['/organisationId', { ...good, organisationId: 'org_x' }],
    ['/requesterId', { ...good, requesterId: 'per_x' }],
  ])('names what is wrong: %s', async (pointer, body) => {
    const answer = await world.clients.owner.call('POST', '/v1/rotations', { body })
    expect(answer.status).toBe(400)
    const { errors } = z.object({ errors: z.array(z.object({ pointer: z.string() })) }).parse(answer.json)
    expect(errors.map((error) => error.pointer)).toContain(pointer)
  })

  test('may start at most 90 days ahead', async () => {
    const notBefore = new Date(Date.now() + 91 * 86_400_000).toISOString()
    const body = { items: [{ keyId: world.place.authKeyId }], reason: 'other', notBefore }
    const answer = await world.clients.owner.confirmed('POST', '/v1/rotations', { body })
    expect([answer.status, answer.json]).toEqual([422, expect.objectContaining({ code: 'START_TOO_FAR' })])
  })

  test('is one too many beyond what the policy allows in an hour', async () => {
    await database.db.updateTable('policy').set({ filingsPerHour: 1 }).execute()
    const { rival } = world.clients
    const body = { items: [{ keyId: world.foreign.authKeyId }], reason: 'other' }
    expect((await rival.confirmed('POST', '/v1/rotations', { body })).status).toBe(201)
    const second = await rival.confirmed('POST', '/v1/rotations', { body })
    expect([second.status, second.json]).toEqual([429, expect.objectContaining({ code: 'TOO_MANY_REQUESTS' })])
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0)
    await database.db.updateTable('policy').set({ filingsPerHour: 30 }).execute()
  })
})

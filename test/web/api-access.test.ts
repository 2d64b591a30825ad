import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ACTIONS, MEMBER_ROLES, type Role, STAFF_ROLES } from '../../src/rules/permissions.ts'
import { NO_INPUT, type Route } from '../../src/web/api/route.ts'
import { API_ROUTES } from '../../src/web/api/routes.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld
let ref: string
let webhookId: string
let webhookDeliveryId: string

const filing = (serviceId: string) => ({ items: [{ serviceId, kinds: ['auth'] }], reason: 'other' })

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const webhook = { body: { url: 'https://hooks.test/' } }
  const added = await world.clients.owner.confirmed('POST', '/v1/webhook-endpoints', webhook)
  webhookId = z.object({ id: z.string() }).parse(added.json).id
  const body = filing(world.place.serviceId)
  const filed = await world.clients.owner.confirmed('POST', '/v1/rotations', { body })
  ref = z.object({ ref: z.string() }).parse(filed.json).ref
  webhookDeliveryId = (await database.db.selectFrom('webhookDelivery').select('id').executeTakeFirstOrThrow()).id
})

const ROLES: readonly Role[] = [...MEMBER_ROLES, ...STAFF_ROLES]
const personal = API_ROUTES.filter((route) => route.access !== 'public' && route.access !== 'gateway')

function rolesOf(route: Route): readonly Role[] {
  const { access } = route
  if (access === 'public' || access === 'gateway' || access === 'person') return ROLES
  return ACTIONS[access]
}

/** Any address of the route; whoever may not use it must not learn whether it exists. */
function address(route: Route): string {
  return route.path.replace(':ref', 'ROT-999999').replace(':id', 'svc_unknown')
}

function codeOf(answer: Answer): string {
  return z.object({ code: z.string() }).safeParse(answer.json).data?.code ?? String(answer.status)
}

function names(routes: readonly Route[]): [string, Route][] {
  return routes.map((route) => [`${route.method} ${route.path}`, route])
}

describe.each(names(personal))('%s', (_name, route) => {
  const method = route.method.toUpperCase()

  test('is for nobody who is not signed in', async () => {
    const bads = ['Bearer rkp_unknown', 'Bearer ', 'Basic YTpi', 'rkp_x', `Bearer ${'x'.repeat(5_000)}`]
    for (const headers of [{}, ...bads.map((authorization) => ({ authorization }))]) {
      const answer = await desk.call(method, address(route), { headers })
      expect([answer.status, codeOf(answer)]).toEqual([401, 'NOT_AUTHENTICATED'])
      expect(answer.headers['www-authenticate']).toContain('Bearer')
    }
  })

  test.each(ROLES)('is for a %s or not, as the table of roles says, whatever is sent', async (role) => {
    const answer = await world.clients[role].call(method, address(route), { body: { nonsense: true } })
    if (rolesOf(route).includes(role)) expect(codeOf(answer)).not.toBe('NOT_ALLOWED')
    else expect([answer.status, codeOf(answer)]).toEqual([403, 'NOT_ALLOWED'])
  })

  test('refuses fields that it does not know, and names them', async () => {
    const client = world.clients[rolesOf(route)[0] ?? 'admin']
    const answer = await client.call(method, `${address(route)}?surprise=1`)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'INVALID_REQUEST'])
    expect(answer.json).toMatchObject({
      errors: expect.arrayContaining([{ pointer: '/surprise', message: expect.any(String) }]),
    })
    if (method === 'GET' || route.raw !== undefined) return
    const posted = await client.call(method, address(route), { body: { surprise: 1 } })
    expect([posted.status, codeOf(posted)]).toEqual([400, 'INVALID_REQUEST'])
    expect(posted.json).toMatchObject({
      errors: expect.arrayContaining([{ pointer: '/surprise', message: expect.any(String) }]),
    })
  })
})

const posts = API_ROUTES.filter((route) => route.method === 'post' && route.raw === undefined)

describe.each(names(posts))('%s', (_name, route) => {
  test('refuses what is no JSON object', async () => {
    const client = world.clients[rolesOf(route)[0] ?? 'admin']
    const type = { 'content-type': 'application/json' }
    const wrong = [
      { text: '{"a":', headers: type },
      { text: '[]', headers: type },
      { text: '"x"', headers: type },
      { text: 'null', headers: type },
      { text: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      { text: '{}', headers: { 'content-type': 'text/plain' } },
      { text: '{}' },
    ]
    for (const sent of wrong) {
      const answer = await client.call('POST', address(route), sent)
      expect([answer.status, codeOf(answer)]).toEqual([400, 'INVALID_REQUEST'])
      expect(answer.headers['content-type']).toBe('application/problem+json')
    }
  })
})

describe.each(names(personal.filter((route) => route.stepUp)))('%s', (_name, route) => {
  test('needs a step-up, and spends none on what is malformed', async () => {
    const client = world.clients[rolesOf(route)[0] ?? 'admin']
    const bodies: Record<string, object> = {
      createOrganisation: { name: 'X', owner: { name: 'Y', email: 'y@x.example' } },
      inviteMember: { name: 'X', email: 'x@x.example', role: 'viewer' },
      changeMemberRole: { role: 'viewer' },
      inviteStaff: { name: 'X', email: 'x@x.example', role: 'agent' },
      changeStaffRole: { role: 'agent' },
      createGateway: { name: 'X' },
      createToken: { name: 'X', expiresAt: '2099-01-01T00:00:00Z' },
      submitRotation: filing(world.place.serviceId),
      createWebhookEndpoint: { url: 'https://hooks.test/' },
      approveRotation: { revision: 1 },
      extendOverlap: { overlapEndsAt: '2099-01-01T00:00:00Z' },
      rejectFollowUp: { reason: 'no' },
      removeService: { confirmName: 'X' },
      rollKey: { overlapSeconds: 60 },
      stopInEmergency: { keyIds: ['key_unknown'], reason: 'Theft.' },
      setDelivery: { ageRecipient: null },
      createKey: { kind: 'auth', name: 'X', permission: 'read_only' },
      deleteKey: { confirmName: 'X' },
      createDataset: { name: 'X', serviceId: world.place.serviceId },
    }
    const body = bodies[route.operation] ?? {}
    for (const header of [{}, { 'rekey-step-up': 'wrong' }]) {
      const answer = await client.call(route.method.toUpperCase(), address(route), { body, headers: header })
      expect([answer.status, codeOf(answer)]).toEqual([403, 'STEP_UP_REQUIRED'])
    }
    const before = await database.db.selectFrom('stepUp').select(['bearerId', 'callsLeft']).execute()
    if (route.body !== NO_INPUT.body && route.raw === undefined)
      await client.confirmed(route.method.toUpperCase(), address(route), { body: { no: 1 } })
    const after = await database.db.selectFrom('stepUp').select('callsLeft').where('callsLeft', '<', 10).execute()
    expect(after).toHaveLength(before.filter(({ callsLeft }) => callsLeft < 10).length)
  })
})

test('what belongs to another organisation is not there', async () => {
  const { rival } = world.clients
  const { place } = world
  const attempts: [method: string, path: string, body?: object][] = [
    ['GET', `/v1/members?organisationId=${place.organisationId}`],
    ['PATCH', `/v1/members/${world.people.viewer.actor.personId}`, { role: 'developer' }],
    ['DELETE', `/v1/members/${world.people.viewer.actor.personId}`],
    ['DELETE', `/v1/members/${world.people.viewer.actor.personId}?organisationId=${place.organisationId}`],
    ['GET', `/v1/services/${place.serviceId}`],
    ['POST', `/v1/versions/${place.versionId}/reveal`],
    ['PUT', `/v1/services/${place.serviceId}/delivery`, { ageRecipient: null }],
    ['GET', `/v1/versions/${place.versionId}/sealed`],
    ['GET', `/v1/services/${place.serviceId}/policy`],
    ['POST', `/v1/versions/${place.versionId}/acknowledgement`],
    ['POST', `/v1/versions/${place.versionId}/reissue`],
    ['POST', `/v1/keys/${place.authKeyId}/disable`],
    ['POST', `/v1/keys/${place.authKeyId}/enable`],
    ['POST', `/v1/keys/${place.authKeyId}/dependants`, { type: 'kms', name: 'Mine now' }],
    ['GET', `/v1/keys/${place.authKeyId}/dependants`],
    ['POST', `/v1/keys/${place.authKeyId}/roll`, { overlapSeconds: 60 }],
    ['GET', `/v1/keys/${place.authKeyId}`],
    ['PATCH', `/v1/keys/${place.authKeyId}`, { name: 'Mine now' }],
    ['DELETE', `/v1/keys/${place.authKeyId}`, { confirmName: 'Auth key' }],
    ['POST', `/v1/services/${place.serviceId}/keys`, { kind: 'auth', name: 'Mine now', permission: 'admin' }],
    ['POST', '/v1/datasets', { serviceId: place.serviceId, name: 'Mine now' }],
    ['GET', `/v1/rotations/${ref}`],
    ['GET', `/v1/rotations/${ref}/events`],
    ['POST', `/v1/rotations/${ref}/withdrawal`],
    ['POST', `/v1/rotations/${ref}/answer`, { message: 'Mine now.' }],
    ['POST', `/v1/rotations/${ref}/messages`, { body: 'Mine now.' }],
    ['POST', `/v1/rotations/${ref}/early-revocation`],
    ['POST', `/v1/rotations/${ref}/extension`, { overlapEndsAt: '2099-01-01T00:00:00Z' }],
    ['POST', `/v1/rotations/${ref}/rollback`],
    ['DELETE', `/v1/services/${place.serviceId}`, { confirmName: 'Payments EU' }],
    ['POST', '/v1/rotations', filing(place.serviceId)],
    ['POST', '/v1/rotations', { items: [{ keyId: place.authKeyId }], reason: 'other' }],
    ['POST', '/v1/services', { organisationId: place.organisationId, name: 'Mine now', environment: 'live' }],
    ['GET', `/v1/audit?organisationId=${place.organisationId}`],
    ['DELETE', '/v1/tokens/tok_unknown'],
    ['DELETE', `/v1/webhook-endpoints/${webhookId}`],
    ['POST', `/v1/webhook-endpoints/${webhookId}/roll-secret`, { overlapSeconds: 0 }],
    ['POST', `/v1/webhook-endpoints/${webhookId}/enable`],
    ['GET', `/v1/webhook-endpoints/${webhookId}/deliveries`],
    ['POST', `/v1/webhook-deliveries/${webhookDeliveryId}/replay`],
  ]
  for (const [method, path, body] of attempts) {
    const answer = await rival.confirmed(method, path, { body })
    expect([path, answer.status, codeOf(answer)]).toEqual([path, 404, 'NOT_FOUND'])
  }
  for (const path of ['/v1/services', '/v1/rotations', '/v1/audit']) {
    const seen = await rival.call('GET', `${path}?limit=100`)
    expect(seen.status).toBe(200)
    expect(seen.text).not.toContain(place.organisationId)
  }
  const asked = await rival.call('GET', `/v1/services?organisationId=${place.organisationId}`)
  expect(asked.json).toEqual({ items: [], nextCursor: null })
  const datasets = await rival.call('GET', `/v1/datasets?serviceId=${place.serviceId}`)
  expect(datasets.json).toEqual({ items: [], nextCursor: null })
})

test('a step-up is of use to nobody else, and not to another token of the same person', async () => {
  const { owner, rival } = world.clients
  const stepUpToken = await owner.newStepUp()
  const headers = { 'rekey-step-up': stepUpToken }
  const body = { name: 'another', expiresAt: new Date(Date.now() + 3_600_000).toISOString() }
  expect(codeOf(await rival.call('POST', '/v1/tokens', { body, headers }))).toBe('STEP_UP_REQUIRED')
  const made = await owner.call('POST', '/v1/tokens', { body, headers })
  const { token } = z.object({ token: z.string() }).parse(made.json)
  const second = { ...headers, authorization: `Bearer ${token}` }
  expect(codeOf(await desk.call('POST', '/v1/tokens', { body, headers: second }))).toBe('STEP_UP_REQUIRED')
})

test('a malformed one-time code is a refused code, never an error of ours', async () => {
  for (const otp of ['', ' ', 'abcdef', '12345', '1234567', '１２３４５６', '12345\u0000']) {
    const answer = await world.clients.viewer.call('POST', '/v1/step-up', { body: { otp } })
    expect(['CODE_REJECTED', 'CODE_LOCKED']).toContain(codeOf(answer))
  }
})

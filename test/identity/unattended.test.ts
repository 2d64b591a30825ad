import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { findTokenBearer } from '../../src/identity/sign-in/bearers.ts'
import { createPersonalToken } from '../../src/identity/tokens/tokens.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, refusalOf } from '../support/refusals.ts'
import { type Answer, openDesk, sealer } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { type Enrolled, enrolMember } from '../support/worlds/people.ts'

const desk = await openDesk(await openTestDatabase(), { trustedProxies: ['127.0.0.1'] })
const { db } = desk.desk
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)
const MACHINE = {
  name: 'nightly job',
  expiresAt: inDays(90 - 0.001),
  scopes: ['rotations:file', 'versions:reveal', 'read'],
  unattended: true,
  ipRanges: ['203.0.113.0/24', '2001:db8:1::/48'],
}

function make(changes: Partial<typeof MACHINE> = {}, who: Enrolled = world.people.owner) {
  return createPersonalToken(db, who.actor, { ...MACHINE, ...changes })
}

function callAs(token: string, method: string, path: string, body?: object, from = '203.0.113.9'): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': from }
  return desk.call(method, path, body === undefined ? { headers } : { headers, body })
}

function codeOf(answer: Answer): string {
  return z.object({ code: z.string() }).safeParse(answer.json).data?.code ?? String(answer.status)
}

describe('an unattended token', () => {
  test('files and reveals without a step-up, and the audit trail names it', async () => {
    const { id, token } = await make()
    const { serviceId, versionId } = await world.addService('Nightly')
    const body = { items: [{ serviceId, kinds: ['auth'] }], reason: 'scheduled' }
    const filed = await callAs(token, 'POST', '/v1/rotations', body)
    expect([filed.status, filed.text]).toEqual([201, expect.stringContaining('ROT-')])
    const revealed = await callAs(token, 'POST', `/v1/versions/${versionId}/reveal`)
    expect(revealed.json).toMatchObject({ secret: expect.stringMatching(/^rk_auth_live_/) })
    for (const action of ['rotation.submit', 'version.reveal']) {
      const entry = await db
        .selectFrom('auditEntry')
        .select('body')
        .where('action', '=', action)
        .orderBy('sequence', 'desc')
        .executeTakeFirstOrThrow()
      expect(JSON.parse(entry.body)).toMatchObject({ actor: world.people.owner.actor.personId, byToken: id })
    }
  })

  test('does nothing else, with or without a step-up', async () => {
    const { token } = await make()
    const { serviceId, authKeyId } = await world.addService('Nothing else')
    const stepUp = await world.clients.owner.newStepUp()
    const attempts: [string, string, object?][] = [
      ['POST', `/v1/keys/${authKeyId}/disable`],
      ['POST', '/v1/tokens', { name: 'x', expiresAt: inDays(1).toISOString() }],
      ['POST', '/v1/rotations/ROT-1/early-revocation', {}],
      ['POST', '/v1/services', { name: 'x', environment: 'live' }],
    ]
    for (const [method, path, body] of attempts) {
      const answer = await callAs(token, method, path, body)
      expect([path, codeOf(answer)]).toEqual([path, 'NOT_IN_SCOPE'])
    }
    const headers = { authorization: `Bearer ${token}`, 'rekey-step-up': stepUp, 'x-forwarded-for': '203.0.113.9' }
    const refused = await desk.call('POST', `/v1/keys/${authKeyId}/disable`, { headers })
    expect(codeOf(refused)).toBe('NOT_IN_SCOPE')
    expect((await callAs(token, 'GET', `/v1/services/${serviceId}`)).status).toBe(200)
  })

  test('does of the three only what it names', async () => {
    const { token } = await make({ scopes: ['rotations:file'] })
    const { versionId } = await world.addService('Only filing')
    expect(codeOf(await callAs(token, 'POST', `/v1/versions/${versionId}/reveal`))).toBe('NOT_IN_SCOPE')
    expect(codeOf(await callAs(token, 'GET', '/v1/rotations'))).toBe('NOT_IN_SCOPE')
  })

  test('works from its addresses alone, whatever else the caller writes into the forwarded list', async () => {
    const { token } = await make()
    for (const from of ['203.0.113.255', '::ffff:203.0.113.1', '2001:db8:1:ffff::1', '198.51.100.1, 203.0.113.7']) {
      expect([from, (await callAs(token, 'GET', '/v1/me', undefined, from)).status]).toEqual([from, 200])
    }
    for (const from of ['203.0.114.1', '198.51.100.1', '2001:db8:2::1', '203.0.113.7, 198.51.100.1', 'nonsense', '']) {
      const answer = await callAs(token, 'GET', '/v1/me', undefined, from)
      expect([from, answer.status, codeOf(answer)]).toEqual([from, 403, 'NOT_ALLOWED'])
    }
    expect(await outcome(findTokenBearer(db, token))).toBe('NOT_ALLOWED')
  })

  test('is not noted as used by a call from elsewhere', async () => {
    const { id, token } = await make()
    await callAs(token, 'GET', '/v1/me', undefined, '198.51.100.1')
    const used = () =>
      db.selectFrom('personalToken').select('lastUsedAt').where('id', '=', id).executeTakeFirstOrThrow()
    expect((await used()).lastUsedAt).toBeNull()
    await callAs(token, 'GET', '/v1/me')
    expect((await used()).lastUsedAt).not.toBeNull()
  })

  test('ends with its person being an owner', async () => {
    const { owner } = world.people
    const email = 'second@acme.example'
    const place = { ...owner, organisationId: world.place.organisationId }
    const second = await enrolMember(db, sealer, place, { name: 'Second Owner', email, role: 'owner' })
    const { token } = await make({}, second)
    const membership = db.updateTable('membership').where('personId', '=', second.actor.personId)
    await membership.set({ role: 'developer', mayReveal: true }).execute()
    expect(codeOf(await callAs(token, 'GET', '/v1/me'))).toBe('NOT_AUTHENTICATED')
  })

  test('is told of to every owner of the organisation, and to nobody else', async () => {
    const { owner } = world.people
    const place = { ...owner, organisationId: world.place.organisationId }
    const email = 'third@acme.example'
    await enrolMember(db, sealer, place, { name: 'Third Owner', email, role: 'owner' })
    await make({ name: 'told of' })
    const letters = await db
      .selectFrom('letter')
      .select('toAddress')
      .where('kind', '=', 'security-notice')
      .where((letter) => letter(letter.ref('facts', '->>').key('notice'), '=', 'unattended_token_made'))
      .where((letter) => letter(letter.ref('facts', '->>').key('about'), '=', 'told of'))
      .orderBy('toAddress')
      .execute()
    expect(letters.map(({ toAddress }) => toAddress)).toEqual([owner.email, email])
  })
})

describe('making an unattended token', () => {
  test('is for owners', async () => {
    for (const who of ['developer', 'viewer', 'agent', 'admin'] as const) {
      expect(await outcome(make({}, world.people[who]))).toBe('NOT_ALLOWED')
    }
  })

  test('takes a step-up', async () => {
    const body = { ...MACHINE, expiresAt: MACHINE.expiresAt.toISOString() }
    expect(codeOf(await world.clients.owner.call('POST', '/v1/tokens', { body }))).toBe('STEP_UP_REQUIRED')
    const made = await world.clients.owner.confirmed('POST', '/v1/tokens', { body })
    expect(made.status).toBe(201)
  })

  test.each<[string, Partial<typeof MACHINE>, string]>([
    ['for more than 90 days', { expiresAt: inDays(90.01) }, '/expiresAt'],
    ['without scopes', { scopes: [] }, '/scopes'],
    ['that only reads', { scopes: ['read'] }, '/scopes'],
    ['that decides', { scopes: ['rotations:file', 'rotations:decide'] }, '/scopes'],
    ['that manages its own kind', { scopes: ['versions:reveal', 'account:manage'] }, '/scopes'],
    ['without addresses', { ipRanges: [] }, '/ipRanges'],
    ['for what is no address', { ipRanges: ['203.0.113.0/24', 'office'] }, '/ipRanges'],
    ['for half an address', { ipRanges: ['203.0'] }, '/ipRanges'],
    ['for the whole internet', { ipRanges: ['0.0.0.0/0'] }, '/ipRanges'],
    ['for the whole internet in halves', { ipRanges: ['0.0.0.0/1', '128.0.0.0/1'] }, '/ipRanges'],
    ['for too many ranges', { ipRanges: Array.from({ length: 21 }, (_, i) => `203.0.113.${i}`) }, '/ipRanges'],
  ])('is refused %s', async (_, changes, pointer) => {
    const refusal = await refusalOf(make(changes))
    expect(refusal.code).toBe('INVALID_REQUEST')
    expect(refusal.errors).toMatchObject([{ pointer }])
  })

  test('keeps each range once, in one way of writing', async () => {
    const { id } = await make({
      ipRanges: ['203.0.113.77/24', ' 203.0.113.0/24 ', '::ffff:198.51.100.1', '2001:DB8::1'],
    })
    const row = await db.selectFrom('personalToken').select('ipRanges').where('id', '=', id).executeTakeFirstOrThrow()
    expect(row.ipRanges).toEqual(['203.0.113.0/24', '198.51.100.1', '2001:db8::1'])
  })
})

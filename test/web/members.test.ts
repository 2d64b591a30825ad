import { beforeAll, expect, test } from 'vitest'
import { removeMember } from '../../src/identity/members/removal.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, clientOf, openDesk, sealer } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { type Enrolled, enrolMember, enrolStaff, unusedCode } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = desk.desk
let world: ApiWorld
let owner: Enrolled & { organisationId: string }
let count = 0

beforeAll(async () => {
  world = await makeApiWorld(desk)
  owner = { ...world.people.owner, organisationId: world.place.organisationId }
})

function newMember(role: 'owner' | 'developer' | 'viewer' = 'viewer'): Promise<Enrolled> {
  count += 1
  return enrolMember(db, sealer, owner, { name: `Member ${count}`, email: `m${count}@acme.example`, role })
}

function open(path: string, { sessionToken }: Enrolled): Promise<Answer> {
  return desk.call('GET', path, { headers: { accept: 'text/html', cookie: `__Host-rekey=${sessionToken}` } })
}

/** The session changes with every code that a page takes. */
async function post(path: string, person: Enrolled, fields: Record<string, string>): Promise<Answer> {
  const code = await unusedCode(db, person)
  const session = await db
    .selectFrom('session')
    .select('formToken')
    .where('personId', '=', person.actor.personId)
    .where('complete', '=', true)
    .orderBy('createdAt', 'desc')
    .executeTakeFirstOrThrow()
  const text = new URLSearchParams({ formToken: session.formToken, code, ...fields }).toString()
  const headers = {
    accept: 'text/html',
    cookie: `__Host-rekey=${person.sessionToken}`,
    origin: desk.url,
    'content-type': 'application/x-www-form-urlencoded',
  }
  const answer = await desk.call('POST', path, { headers, text })
  const renewed = /__Host-rekey=([^;]+)/.exec(answer.headers['set-cookie'] ?? '')?.[1]
  if (renewed !== undefined) person.sessionToken = renewed
  return answer
}

function anonymous(fields: Record<string, string>): Promise<Answer> {
  const headers = { accept: 'text/html', origin: desk.url, 'content-type': 'application/x-www-form-urlencoded' }
  return desk.call('POST', '/lost-access', { headers, text: new URLSearchParams(fields).toString() })
}

test('a removed member’s next call is refused, by token and on pages, and what was opened before changes nothing', async () => {
  const viewer = await newMember()
  const script = await clientOf(desk, viewer)
  expect((await script.call('GET', '/v1/rotations')).status).toBe(200)
  expect((await open('/rotations', viewer)).status).toBe(200)
  await removeMember(db, owner.actor, { organisationId: owner.organisationId, personId: viewer.actor.personId })
  expect((await script.call('GET', '/v1/rotations')).status).toBe(401)
  expect((await open('/rotations', viewer)).status).toBe(303)
  expect((await open('/rotations', viewer)).headers.location).toContain('/sign-in')
})

test('a demoted owner’s next call has the new role', async () => {
  const second = await newMember('owner')
  const script = await clientOf(desk, second)
  expect((await script.call('GET', '/v1/members')).status).toBe(200)
  const path = `/v1/members/${second.actor.personId}`
  expect((await world.clients.owner.confirmed('PATCH', path, { body: { role: 'viewer' } })).status).toBe(204)
  expect((await script.call('GET', '/v1/members')).status).toBe(403)
})

test('scripts list, change and remove members and staff, and hear of the last ones', async () => {
  const { clients, people } = world
  const own = `/v1/members/${people.owner.actor.personId}`
  for (const other of await db
    .selectFrom('membership')
    .selectAll()
    .where('role', '=', 'owner')
    .where('organisationId', '=', owner.organisationId)
    .where('personId', '!=', people.owner.actor.personId)
    .execute()) {
    expect((await clients.owner.confirmed('DELETE', `/v1/members/${other.personId}`)).status).toBe(204)
  }
  expect(await clients.owner.confirmed('DELETE', own)).toMatchObject({ status: 409, json: { code: 'LAST_OWNER' } })
  const named = `${own}?organisationId=${owner.organisationId}`
  expect(await clients.admin.confirmed('PATCH', named, { body: { role: 'viewer' } })).toMatchObject({
    status: 409,
    json: { code: 'LAST_OWNER' },
  })
  expect(await clients.admin.confirmed('PATCH', own, { body: { role: 'viewer' } })).toMatchObject({ status: 400 })
  const lone = `/v1/staff/${people.admin.actor.personId}`
  expect(await clients.admin.confirmed('DELETE', lone)).toMatchObject({ status: 409, json: { code: 'LAST_ADMIN' } })
  const listed = await clients.owner.call('GET', '/v1/members')
  expect(listed.json).toMatchObject({
    items: expect.arrayContaining([
      expect.objectContaining({ id: people.owner.actor.personId, role: 'owner', secondFactor: true }),
    ]),
  })
  expect(listed.text).not.toMatch(/seed|hash/i)
  const colleague = await enrolStaff(db, sealer, people.admin, {
    name: 'Col',
    email: 'col@desk.example',
    role: 'agent',
  })
  const path = `/v1/people/${colleague.actor.personId}`
  expect((await clients.admin.confirmed('POST', `${path}/disable`)).status).toBe(204)
  expect((await open('/queue', colleague)).status).toBe(303)
  expect((await clients.admin.confirmed('POST', `${path}/enable`)).status).toBe(204)
  expect((await clients.admin.confirmed('POST', `${path}/unlock`)).status).toBe(204)
})

test('a removal sent twice from its page is harmless, and the last owner’s is told beside the form', async () => {
  const viewer = await newMember()
  const path = `/people/${viewer.actor.personId}/removal`
  const draft = /name="draft" value="([^"]+)"/.exec((await open(path, owner)).text)?.[1] ?? ''
  expect((await post(path, owner, { draft })).status).toBe(303)
  const again = await post(path, owner, { draft })
  expect([again.status, again.headers.location]).toEqual([303, '/people?done=removed'])
  const own = await post(`/people/${owner.actor.personId}/removal`, owner, { draft: 'another' })
  expect(own.status).toBe(422)
  expect(own.text).toContain('An organisation needs an owner.')
})

test('the staff see an organisation and a person with the second factor’s state, never with a secret', async () => {
  const { agent, developer } = world.people
  const page = await open(`/organisations/${owner.organisationId}`, agent)
  expect(page.text).toContain('Payments EU')
  expect(page.text).toContain(developer.email)
  const person = await open(`/people/${developer.actor.personId}`, agent)
  expect(person.text).toContain('set up')
  const rows = await db.selectFrom('person').select(['passwordHash']).where('email', '=', developer.email).execute()
  for (const { text } of [page, person]) {
    expect(text).not.toContain(developer.totpSecret)
    expect(text).not.toContain(rows[0]?.passwordHash ?? 'argon2')
  }
})

test('a lost access is answered alike for every address, and nothing but a request is written meanwhile', async () => {
  const known = await anonymous({ email: owner.email, organisation: 'Acme' })
  const unknown = await anonymous({ email: 'nobody@nowhere.example', organisation: 'Acme' })
  expect([known.status, known.headers.location, known.text]).toEqual([
    unknown.status,
    unknown.headers.location,
    unknown.text,
  ])
  expect(known.headers.location).toBe('/lost-access/sent')
  const requests = await db
    .selectFrom('accessRequest')
    .select(['email', 'personId', 'tokenHash'])
    .orderBy('createdAt')
    .execute()
  expect(requests).toEqual(
    [owner.email, 'nobody@nowhere.example'].map((email) => ({ email, personId: null, tokenHash: null })),
  )
  expect(await db.selectFrom('letter').select('id').where('kind', '=', 'lost-access').execute()).toEqual([])
  expect((await anonymous({ email: 'no address', organisation: '' })).status).toBe(422)
  expect((await desk.call('GET', '/lost-access/unknown', { headers: { accept: 'text/html' } })).status).toBe(410)
})

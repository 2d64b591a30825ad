import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'

const desk = await openDesk(await openTestDatabase())
let world: ApiWorld
let count = 0

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

const problem = z.object({ code: z.string(), detail: z.string(), errors: z.array(z.object({ pointer: z.string() })) })
const rotationShape = z.looseObject({ ref: z.string(), status: z.string() })

function codeOf(answer: Answer): string {
  return problem.partial().parse(answer.json).code ?? String(answer.status)
}

function refOf(answer: Answer): string {
  return rotationShape.parse(answer.json).ref
}

async function newItems() {
  count += 1
  const { serviceId } = await world.addService(`Filed ${count}`)
  return [{ serviceId, kinds: ['auth', 'admin'] }]
}

test('the staff file on behalf of an owner over the API, and the answer says who did what', async () => {
  const { owner, agent } = world.people
  const onBehalfOf = { personId: owner.actor.personId, verifiedBy: '  Called back.  ' }
  const body = { items: await newItems(), reason: 'lost', onBehalfOf }
  const filed = await world.clients.agent.confirmed('POST', '/v1/rotations', { body })
  expect(filed.status).toBe(201)
  expect(filed.json).toMatchObject({
    requester: { id: owner.actor.personId },
    filedBy: { id: agent.actor.personId },
    verifiedBy: 'Called back.',
    approvalsNeeded: 2,
  })
  const approval = { body: { revision: 1 } }
  const path = `/v1/rotations/${refOf(filed)}/approval`
  expect(codeOf(await world.clients.agent.confirmed('POST', path, approval))).toBe('OWN_ROTATION')
  expect((await world.clients.admin.confirmed('POST', path, approval)).status).toBe(200)
  const second = await world.clients.otherAgent.confirmed('POST', path, approval)
  expect(second.json).toMatchObject({ status: 'scheduled', approvals: { length: 2 } })
})

test('on behalf is told to be wrong at the field that is wrong, and needs a step-up', async () => {
  const { owner, viewer } = world.people
  const items = await newItems()
  const file = (onBehalfOf?: object) =>
    world.clients.agent.confirmed('POST', '/v1/rotations', { body: { items, reason: 'lost', onBehalfOf } })
  const { personId } = owner.actor
  expect((await file()).json).toMatchObject({ errors: [{ pointer: '/onBehalfOf' }] })
  expect((await file({ personId, verifiedBy: ' ' })).json).toMatchObject({
    errors: [{ pointer: '/onBehalfOf/verifiedBy' }],
  })
  expect((await file({ personId })).status).toBe(400)
  expect(codeOf(await file({ personId: viewer.actor.personId, verifiedBy: 'x' }))).toBe('NOT_FOUND')
  const body = { items, reason: 'lost', onBehalfOf: { personId, verifiedBy: 'x' } }
  expect(codeOf(await world.clients.agent.call('POST', '/v1/rotations', { body }))).toBe('STEP_UP_REQUIRED')
  expect(codeOf(await world.clients.owner.confirmed('POST', '/v1/rotations', { body }))).toBe('NOT_ALLOWED')
})

test('a leak replaces a routine rotation over the API, and each rotation names the other', async () => {
  const items = await newItems()
  const { owner, agent } = world.clients
  const old = refOf(await owner.confirmed('POST', '/v1/rotations', { body: { items, reason: 'scheduled' } }))
  await agent.confirmed('POST', `/v1/rotations/${old}/approval`, { body: { revision: 1 } })
  await work(desk)
  const body = { items, reason: 'compromised', replaces: old }
  const wrong = await owner.confirmed('POST', '/v1/rotations', { body: { ...body, reason: 'lost' } })
  expect(wrong.json).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ pointer: '/replaces' }] })
  const without = await owner.confirmed('POST', '/v1/rotations', { body: { items, reason: 'compromised' } })
  expect(problem.partial().parse(without.json)).toMatchObject({
    code: 'ROTATION_IN_PROGRESS',
    detail: expect.stringContaining('replace that rotation'),
  })
  const filed = await owner.confirmed('POST', '/v1/rotations', { body })
  expect(filed.json).toMatchObject({ status: 'submitted', replaces: old, replacedBy: null })
  const closed = await owner.call('GET', `/v1/rotations/${old}`)
  expect(closed.json).toMatchObject({ status: 'closed', replacedBy: refOf(filed), items: [{ status: 'retired' }, {}] })
  expect(codeOf(await owner.confirmed('POST', '/v1/rotations', { body }))).toBe('ROTATION_IN_PROGRESS')
  expect(codeOf(await world.clients.rival.confirmed('POST', '/v1/rotations', { body }))).toBe('NOT_FOUND')
})

test('an owner on hold is refused with the time until which, over the API too', async () => {
  const { db } = desk.desk
  const { personId } = world.people.rival.actor
  const account = db.updateTable('person').where('id', '=', personId)
  await account.set({ emailChangedAt: new Date() }).execute()
  const body = { items: [{ serviceId: world.foreign.serviceId, kinds: ['auth'] }], reason: 'lost' }
  const held = await world.clients.rival.confirmed('POST', '/v1/rotations', { body })
  expect([held.status, codeOf(held)]).toEqual([403, 'ON_HOLD'])
  expect(problem.partial().parse(held.json).detail).toContain('UTC')
  const version = `/v1/versions/${world.foreign.versionId}/reveal`
  expect(codeOf(await world.clients.rival.confirmed('POST', version))).toBe('ON_HOLD')
  const leak = { ...body, reason: 'compromised' }
  const filed = await world.clients.rival.confirmed('POST', '/v1/rotations', { body: leak })
  expect(filed.json).toMatchObject({ status: 'submitted', approvalsNeeded: 2 })
  await account.set({ emailChangedAt: null }).execute()
})

test('what ends an overlap before its time is taken with a grace, and a grace without it is refused at its field', async () => {
  const file = async (more: object) =>
    world.clients.owner.confirmed('POST', '/v1/rotations', {
      body: { items: await newItems(), reason: 'lost', ...more },
    })
  expect((await file({ graceSeconds: 3600 })).json).toMatchObject({ errors: [{ pointer: '/graceSeconds' }] })
  expect((await file({ overlapEnds: 'never' })).json).toMatchObject({ errors: [{ pointer: '/overlapEnds' }] })
  expect((await file({ overlapEnds: 'at_end', graceSeconds: 0 })).json).toMatchObject({ overlapEnds: 'at_end' })
  const clock = { overlapEnds: 'on_pickup', graceSeconds: 600 }
  expect((await file(clock)).json).toMatchObject(clock)
})

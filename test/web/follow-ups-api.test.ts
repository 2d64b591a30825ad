import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { followUp, rotation as rotationShape } from '../../src/web/api/rotation-shapes.ts'
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

async function codeOf(key: string): Promise<string> {
  const headers = { authorization: `Bearer ${gatewayToken}` }
  return verification.parse((await desk.call('POST', '/v1/keys/verify', { headers, body: { key } })).json).code
}

async function reveal(versionId: string): Promise<string> {
  const answer = await world.clients.owner.confirmed('POST', `/v1/versions/${versionId}/reveal`)
  return z.object({ secret: z.string() }).parse(answer.json).secret
}

/** A rotation of one key in its overlap, with both secrets. */
async function overlap(name: string, reason = 'scheduled') {
  const { owner, agent } = world.clients
  const place = await world.addService(name)
  const old = await reveal(place.versionId)
  const body = { items: [{ keyId: place.authKeyId }], reason, overlapSeconds: 3_600 }
  const { ref, revision } = rotationShape.parse((await owner.confirmed('POST', '/v1/rotations', { body })).json)
  await agent.confirmed('POST', `/v1/rotations/${ref}/approval`, { body: { revision } })
  await work(desk)
  const [item] = (await show(ref)).items
  return { ref, place, old, fresh: await reveal(item?.newVersionId ?? ''), item }
}

async function show(ref: string) {
  return rotationShape.parse((await world.clients.owner.call('GET', `/v1/rotations/${ref}`)).json)
}

test('after a rollback was answered no verify accepts the new key, and the old one goes on', async () => {
  const { ref, old, fresh } = await overlap('Rolled back')
  expect([await codeOf(old), await codeOf(fresh)]).toEqual(['VALID', 'VALID'])
  const answer = await world.clients.owner.confirmed('POST', `/v1/rotations/${ref}/rollback`)
  expect(answer.status).toBe(201)
  expect(followUp.parse(answer.json)).toMatchObject({ type: 'rollback', status: 'done', approvalsNeeded: 0 })
  expect([await codeOf(old), await codeOf(fresh)]).toEqual(['VALID', 'ROLLED_BACK'])
  expect(await show(ref)).toMatchObject({ status: 'rolled_back', items: [{ status: 'rolled_back' }] })
})

test('after a leak a rollback waits for two agents, and the new key works until the second has approved', async () => {
  const { owner, agent, otherAgent } = world.clients
  const { ref, old, fresh } = await overlap('Leaked', 'compromised')
  const asked = followUp.parse((await owner.confirmed('POST', `/v1/rotations/${ref}/rollback`)).json)
  expect(asked).toMatchObject({ status: 'requested', approvalsNeeded: 2 })
  const path = `/v1/follow-ups/${asked.id}`
  const first = await agent.confirmed('POST', `${path}/approval`)
  expect(followUp.parse(first.json)).toMatchObject({ status: 'requested', approvals: [{ by: { name: 'Gus' } }] })
  expect((await agent.confirmed('POST', `${path}/approval`)).json).toMatchObject({ code: 'ALREADY_APPROVED' })
  expect(await codeOf(fresh)).toBe('VALID')
  const second = await otherAgent.confirmed('POST', `${path}/approval`)
  expect(followUp.parse(second.json)).toMatchObject({ status: 'done' })
  expect([await codeOf(old), await codeOf(fresh)]).toEqual(['VALID', 'ROLLED_BACK'])
})

test('more time moves when the old key retires, and asks an agent the second time', async () => {
  const { owner, agent } = world.clients
  const { ref, old, item } = await overlap('Extended')
  const day = (days: number) => new Date(Date.parse(item?.generatedAt ?? '') + days * 86_400_000).toISOString()
  const headers = { authorization: `Bearer ${gatewayToken}` }
  const extend = (overlapEndsAt: string) =>
    owner.confirmed('POST', `/v1/rotations/${ref}/extension`, { body: { overlapEndsAt, itemIds: [item?.id] } })
  expect(followUp.parse((await extend(day(2))).json)).toMatchObject({ status: 'done', at: day(2) })
  const verified = await desk.call('POST', '/v1/keys/verify', { headers, body: { key: old } })
  expect(verified.json).toMatchObject({ code: 'VALID', rotation: { role: 'old', retiresAt: day(2) } })
  const again = followUp.parse((await extend(day(5))).json)
  expect(again.status).toBe('requested')
  const rejected = await agent.confirmed('POST', `/v1/follow-ups/${again.id}/rejection`, { body: { reason: 'No.' } })
  expect(followUp.parse(rejected.json)).toMatchObject({ status: 'rejected', decisionReason: 'No.' })
  const tooFar = await extend(day(31))
  expect(tooFar.status).toBe(400)
  expect(tooFar.json).toMatchObject({ errors: [{ pointer: '/overlapEndsAt' }] })
})

test('a second call with the same key is answered as the first, and asks for nothing twice', async () => {
  const { owner } = world.clients
  const { ref } = await overlap('Replayed', 'lost')
  const body = { overlapEndsAt: new Date(Date.now() + 86_400_000).toISOString() }
  const headers = { 'idempotency-key': 'more-time', 'rekey-step-up': await owner.newStepUp() }
  const first = await owner.call('POST', `/v1/rotations/${ref}/extension`, { body, headers })
  const second = await owner.call('POST', `/v1/rotations/${ref}/extension`, { body, headers })
  expect([first.status, second.status, second.json]).toEqual([201, 201, first.json])
  expect((await show(ref)).followUps).toHaveLength(1)
})

test('after the removal of a service was answered no verify accepts its keys, and its rotation is closed', async () => {
  const { owner } = world.clients
  const { ref, place, old, fresh } = await overlap('Removed')
  const wrong = await owner.confirmed('DELETE', `/v1/services/${place.serviceId}`, { body: { confirmName: 'Other' } })
  expect([wrong.status, await codeOf(old)]).toEqual([400, 'VALID'])
  const gone = await owner.confirmed('DELETE', `/v1/services/${place.serviceId}`, { body: { confirmName: 'Removed' } })
  expect(gone.status).toBe(204)
  expect([await codeOf(old), await codeOf(fresh)]).toEqual(['REVOKED', 'REVOKED'])
  expect(await show(ref)).toMatchObject({ status: 'closed', decisionReason: 'The service was removed.' })
  expect((await owner.call('GET', `/v1/services/${place.serviceId}`)).status).toBe(404)
})

test('what failed is tried again or given up by the staff', async () => {
  const { owner, agent } = world.clients
  const place = await world.addService('Failing')
  const body = { items: [{ keyId: place.authKeyId }], reason: 'scheduled', overlapSeconds: 3_600 }
  const { ref, revision } = rotationShape.parse((await owner.confirmed('POST', '/v1/rotations', { body })).json)
  const ownEnd = new Date(Date.now() + 60_000)
  const versions = database.db.updateTable('version').where('keyId', '=', place.authKeyId)
  await versions.set({ ownEnd, acceptedUntil: ownEnd }).execute()
  await agent.confirmed('POST', `/v1/rotations/${ref}/approval`, { body: { revision } })
  await work(desk)
  const failed = await show(ref)
  expect(failed).toMatchObject({ status: 'needs_attention', items: [{ status: 'failed', attempts: 1, late: false }] })
  const retried = await agent.call('POST', `/v1/rotations/${ref}/retry`, { body: { itemIds: [failed.items[0]?.id] } })
  expect(retried.json).toMatchObject({ status: 'executing', items: [{ status: 'pending' }] })
  await work(desk)
  const closed = await agent.call('POST', `/v1/items/${failed.items[0]?.id}/closing`, {
    body: { reason: 'Let it end.' },
  })
  expect(closed.json).toMatchObject({
    status: 'closed',
    decisionReason: 'Let it end.',
    items: [{ status: 'cancelled' }],
  })
})

import { sql } from 'kysely'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { rejectRotation } from '../../src/desk/decide.ts'
import { revokeEarly } from '../../src/desk/revoke-early.ts'
import { createWebhookEndpoint, removeWebhookEndpoint, type WebhookParts } from '../../src/desk/webhooks/endpoints.ts'
import { withdrawRotation } from '../../src/desk/withdraw.ts'
import { itemEventType, rotationEventType } from '../../src/rules/webhooks/events.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { outcome, tally } from '../support/refusals.ts'
import {
  addMember,
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
const parts: WebhookParts = { db, sealer: maker.sealer, checkWebhookUrl: async (url) => url }
const url = 'https://hooks.example.com/'
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

beforeEach(async () => {
  await db.updateTable('webhookEndpoint').set({ removedAt: new Date() }).execute()
})

async function newService(name: string): Promise<string> {
  return (await addService(db, world.admin, world.organisationId, name)).id
}

/** What the histories say must have been told, by natural key and type. */
async function expectedEvents(): Promise<string[]> {
  const rotations = await db.selectFrom('rotationHistory').selectAll().execute()
  const items = await db.selectFrom('itemHistory').selectAll().execute()
  const followUps = await db.selectFrom('followUp').select(['id', 'status']).execute()
  return [
    ...rotations.map(
      (row) => `rotation/${row.rotationRef}/${row.sequence} ${rotationEventType(row.move, row.toStatus)}`,
    ),
    ...items.map((row) => `item/${row.itemId}/${row.sequence} ${itemEventType(row.move, row.toStatus)}`),
    ...followUps.map((row) => `follow_up/${row.id}/${row.status} follow_up.${row.status}`),
  ].toSorted()
}

test('every transition of a whole story is told exactly once, in its own transaction', async () => {
  const { id } = await createWebhookEndpoint(parts, world.owner, { url })
  await withdrawRotation(db, world.owner, await file(db, world.owner, await newService('Withdrawn')))
  const rejected = await file(db, world.owner, await newService('Rejected'))
  await rejectRotation(db, world.agent, rejected, { revision: 1, reason: 'No.' })
  const running = await fileAndApprove(db, world, await newService('Ends by itself'))
  const revoked = await fileAndApprove(db, world, await newService('Revoked early'))
  await carryOutAll(db)
  await revokeEarly(db, world.owner, revoked, {})
  await db.updateTable('item').set({ dueAt: sql<Date>`clock_timestamp()` }).where('rotationRef', '=', running).execute()
  await carryOutAll(db)
  const events = await db.selectFrom('webhookEvent').selectAll().execute()
  expect(events.map(({ naturalKey, type }) => `${naturalKey} ${type}`).toSorted()).toEqual(await expectedEvents())
  expect(events.length).toBeGreaterThan(25)
  const deliveries = await db.selectFrom('webhookDelivery').select('eventId').where('endpointId', '=', id).execute()
  expect(new Set(deliveries.map(({ eventId }) => eventId))).toEqual(new Set(events.map((event) => event.id)))
  for (const { body, type, createdAt, organisationId } of events) {
    const told = { type, timestamp: createdAt.toISOString(), data: { organisationId } }
    expect(JSON.parse(body)).toMatchObject(told)
  }
  expect(await findViolations(db)).toEqual([])
})

test('a move that is refused tells nothing', async () => {
  await createWebhookEndpoint(parts, world.owner, { url })
  const ref = await file(db, world.owner, await newService('Refused'))
  const count = async () => (await db.selectFrom('webhookEvent').select('id').execute()).length
  const before = await count()
  expect(await outcome(rejectRotation(db, world.agent, ref, { revision: 7, reason: 'No.' }))).toBe('STALE_REVISION')
  expect(await count()).toBe(before)
})

test('an organisation has twenty endpoints at most, however many are added at once', async () => {
  const adding = Array.from({ length: 24 }, () => createWebhookEndpoint(parts, world.owner, { url }))
  expect(await tally(adding)).toEqual({ done: 20, INVALID_REQUEST: 4 })
})

test('who may not manage webhooks makes none, and another organisation’s are not there to be removed', async () => {
  const viewer = await addMember(db, world.organisationId, 'developer', 'Dev')
  expect(await outcome(createWebhookEndpoint(parts, viewer, { url }))).toBe('NOT_ALLOWED')
  expect(await outcome(createWebhookEndpoint(parts, world.agent, { url }))).toBe('NOT_ALLOWED')
  const { id } = await createWebhookEndpoint(parts, world.owner, { url })
  const rival = (await makeDeskWorld(db)).owner
  expect(await outcome(removeWebhookEndpoint(db, rival, id))).toBe('NOT_FOUND')
  expect(await outcome(removeWebhookEndpoint(db, world.admin, id))).toBe('NOT_FOUND')
})

test('removals race with what happens: nobody waits for the other for ever, and nothing is half done', async () => {
  for (let round = 0; round < 20; round++) {
    const { id } = await createWebhookEndpoint(parts, world.owner, { url })
    const serviceId = await newService(`Round ${round}`)
    const results = await tally([
      removeWebhookEndpoint(db, world.owner, id),
      file(db, world.owner, serviceId),
      removeWebhookEndpoint(db, world.owner, id),
    ])
    expect(results).toEqual({ done: 2, NOT_FOUND: 1 })
  }
  expect(await findViolations(db)).toEqual([])
})

test('a secret is sealed for its own row of its own endpoint', async () => {
  const { id, secret } = await createWebhookEndpoint(parts, world.owner, { url })
  const other = await createWebhookEndpoint(parts, world.owner, { url })
  const row = await db.selectFrom('webhookSecret').selectAll().where('endpointId', '=', id).executeTakeFirstOrThrow()
  const sealed = { sealed: row.sealed, keyId: row.sealedKeyId }
  expect(row.sealed.includes(secret.slice(6))).toBe(false)
  expect(maker.sealer.open(sealed, `webhook|${id}|${row.id}`)).toBe(secret)
  expect(maker.sealer.open(sealed, `webhook|${other.id}|${row.id}`)).toBeNull()
})

import { sql } from 'kysely'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { rejectRotation } from '../../src/desk/decide.ts'
import { approveFollowUp, rejectFollowUp } from '../../src/desk/follow-ups/decide.ts'
import { extendOverlap } from '../../src/desk/follow-ups/extend.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { rollBack } from '../../src/desk/follow-ups/roll-back.ts'
import { createWebhookEndpoint, removeWebhookEndpoint, type WebhookParts } from '../../src/desk/webhooks/endpoints.ts'
import { withdrawRotation } from '../../src/desk/withdraw.ts'
import {
  ITEM_MOVES,
  type ItemMove,
  ROTATION_MOVES,
  type RotationMove,
} from '../../src/rules/rotations/rotation-lifecycle.ts'
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

const isRotationMove = (move: string): move is RotationMove => Object.hasOwn(ROTATION_MOVES, move)
const isItemMove = (move: string): move is ItemMove => Object.hasOwn(ITEM_MOVES, move)

/** What the histories say must have been told, by natural key and type. */
async function expectedEvents(): Promise<string[]> {
  const rotations = await db.selectFrom('rotationHistory').selectAll().execute()
  const items = await db.selectFrom('itemHistory').selectAll().execute()
  const rows = await db.selectFrom('followUp').selectAll().execute()
  // one that was asked for and then decided was told of twice, once in each place
  const followUps = rows.map(({ id, status, requestedAt, decidedAt }) => ({
    id,
    statuses: decidedAt === null || Number(decidedAt) === Number(requestedAt) ? [status] : ['requested', status],
  }))
  return [
    ...rotations.map(({ rotationRef, sequence, move, toStatus }) =>
      isRotationMove(move) ? `rotation/${rotationRef}/${sequence} ${rotationEventType(move, toStatus)}` : move,
    ),
    ...items.map(({ itemId, sequence, move, toStatus }) =>
      isItemMove(move) ? `item/${itemId}/${sequence} ${itemEventType(move, toStatus)}` : move,
    ),
    ...followUps.flatMap(({ id, statuses }) =>
      statuses.map((status) => `follow_up/${id}/${status} follow_up.${status}`),
    ),
  ].toSorted()
}

/** Each way a follow-up can go: at once, approved, rejected, lapsed, and one that still waits. */
async function goThroughFollowUps(): Promise<void> {
  const running = async (name: string, reason: 'scheduled' | 'compromised' = 'scheduled') => {
    const ref = await fileAndApprove(db, world, await newService(name), { reason })
    await carryOutAll(db)
    return ref
  }
  const inDays = (days: number) => ({ overlapEndsAt: new Date(Date.now() + days * 86_400_000) })
  const more = await running('More time')
  await extendOverlap(db, world.owner, more, inDays(2))
  const { followUpId } = await extendOverlap(db, world.owner, more, inDays(3))
  await rejectFollowUp(db, world.agent, followUpId, { reason: 'Long enough.' })
  await approveFollowUp(db, world.agent, (await extendOverlap(db, world.owner, more, inDays(3))).followUpId)
  await extendOverlap(db, world.owner, more, inDays(4))
  await rollBack(db, world.owner, await running('Back'))
  const leaked = await running('Leaked', 'compromised')
  await rollBack(db, world.owner, leaked)
  await revokeEarly(db, world.owner, leaked, {})
  await carryOutAll(db)
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
  await goThroughFollowUps()
  const events = await db.selectFrom('webhookEvent').selectAll().execute()
  expect(events.map(({ naturalKey, type }) => `${naturalKey} ${type}`).toSorted()).toEqual(await expectedEvents())
  expect(events.length).toBeGreaterThan(60)
  const told = events.map(({ type }) => type).filter((type) => type.startsWith('follow_up.'))
  expect(new Set(told).size).toBe(4)
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

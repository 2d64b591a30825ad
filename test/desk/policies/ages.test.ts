import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { watchNextAges } from '../../../src/desk/ages/watch.ts'
import { approveRotation, rejectRotation } from '../../../src/desk/decide.ts'
import { changePolicyOfService } from '../../../src/desk/policies/service-policy.ts'
import { noticeFacts } from '../../../src/outbox/kinds/account.ts'
import { openTestDatabase } from '../../support/database.ts'
import { findViolations } from '../../support/invariants.ts'
import { addService, carryOutAll, type DeskWorld, file, makeDeskWorld } from '../../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

let service: DeskWorld['service']
let count = 0
beforeEach(async () => {
  count += 1
  // what the tests before left behind is of no concern any more
  await db.updateTable('key').set({ enabled: false }).execute()
  service = await addService(db, world.admin, world.organisationId, `Service ${count}`)
})

/** The keys of a service as if their versions had been made, and told of, some days earlier than that. */
async function setAge(serviceId: string, days: number): Promise<void> {
  const keys = await db.selectFrom('key').select('id').where('serviceId', '=', serviceId).execute()
  const versions = db
    .selectFrom('version')
    .select('id')
    .where(
      'keyId',
      'in',
      keys.map(({ id }) => id),
    )
  const at = new Date(Date.now() - days * 86_400_000)
  await db.updateTable('version').set({ createdAt: at, activeFrom: at }).where('id', 'in', versions).execute()
}

async function daysLater(days: number): Promise<void> {
  for (const row of await db.selectFrom('versionAge').selectAll().execute()) {
    const earlier = (time: Date | null) => (time === null ? null : new Date(time.getTime() - days * 86_400_000))
    const times = { remindedAt: earlier(row.remindedAt), filedAt: earlier(row.filedAt) }
    await db.updateTable('versionAge').set(times).where('versionId', '=', row.versionId).execute()
  }
}

/** An hour later, as the worker sees it: all that it finds due. */
async function watchAll(): Promise<void> {
  await db
    .updateTable('organisation')
    .set({ agesDueAt: new Date(0) })
    .execute()
  while (await watchNextAges(db));
}

async function notices() {
  const letters = await db
    .selectFrom('letter')
    .selectAll()
    .where('naturalKey', 'like', 'notice/key_old/%')
    .orderBy('id')
    .execute()
  return letters.map(({ facts }) => noticeFacts.parse(facts))
}

async function newNotices(run: () => Promise<void>) {
  const before = await notices()
  await run()
  return (await notices()).slice(before.length)
}

function rotationsOf(serviceId: string) {
  return db
    .selectFrom('rotation')
    .selectAll()
    .where('trigger', '=', 'age')
    .where('ref', 'in', db.selectFrom('item').select('rotationRef').where('serviceId', '=', serviceId))
    .execute()
}

describe('owners are reminded of keys', () => {
  test('at the age, once, and then once every such age again', async () => {
    await setAge(service.id, 89.9)
    expect(await newNotices(watchAll)).toEqual([])
    await setAge(service.id, 91)
    const [told, ...others] = await newNotices(watchAll)
    expect(others).toEqual([])
    expect(told).toMatchObject({
      about: '2 keys',
      details: expect.arrayContaining([`Auth key of Service ${count} (live)`]),
    })
    expect(told?.path).toContain(`&key=${service.authKeyId}`)
    expect(await newNotices(watchAll)).toEqual([])
    await daysLater(89)
    expect(await newNotices(watchAll)).toEqual([])
    await daysLater(1.1)
    expect(await newNotices(watchAll)).toHaveLength(1)
  })

  test('not where the service says never, nor of disabled ones, nor of those in a live rotation', async () => {
    await setAge(service.id, 91)
    await changePolicyOfService(db, world.admin, service.id, { remindAgeDays: 0 })
    expect(await newNotices(watchAll)).toEqual([])
    await changePolicyOfService(db, world.admin, service.id, { remindAgeDays: null })
    await db.updateTable('key').set({ enabled: false }).where('id', '=', service.authKeyId).execute()
    await file(db, world.owner, service.id, { items: [{ keyId: service.adminKeyId }] })
    expect(await newNotices(watchAll)).toEqual([])
  })
})

describe('a rotation is filed for keys', () => {
  beforeEach(() => changePolicyOfService(db, world.admin, service.id, { fileAgeDays: 60, approvalsNeeded: 2 }))

  test('at the age, by the desk itself, for an owner, and is carried out like any other', async () => {
    await setAge(service.id, 59.9)
    await watchAll()
    expect(await rotationsOf(service.id)).toEqual([])
    await setAge(service.id, 61)
    const [told] = await newNotices(watchAll)
    const [rotation, ...others] = await rotationsOf(service.id)
    expect(others).toEqual([])
    expect(rotation).toMatchObject({
      filedById: null,
      requesterId: world.owner.personId,
      reason: 'scheduled',
      approvalsNeeded: 2,
    })
    expect(told?.note).toContain(rotation?.ref)
    const ref = rotation?.ref ?? ''
    await approveRotation(db, world.agent, ref, { revision: 1 })
    await approveRotation(db, world.otherAgent, ref, { revision: 1 })
    await carryOutAll(db)
    await watchAll()
    expect(await rotationsOf(service.id)).toHaveLength(1)
  })

  test('once, however many workers look at the same time', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { id } = await addService(db, world.admin, world.organisationId, `Raced ${round}`)
      await changePolicyOfService(db, world.admin, id, { fileAgeDays: 60 })
      await setAge(id, 61)
      await db
        .updateTable('organisation')
        .set({ agesDueAt: new Date(0) })
        .execute()
      const found = await Promise.all(Array.from({ length: 4 }, () => watchNextAges(db)))
      expect(found.filter(Boolean)).toHaveLength(1)
      expect(await rotationsOf(id)).toHaveLength(1)
    }
  })

  test('beside an owner who files the same keys at that moment, as one of the two', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { id } = await addService(db, world.admin, world.organisationId, `Both ${round}`)
      await changePolicyOfService(db, world.admin, id, { fileAgeDays: 60 })
      await setAge(id, 61)
      await db
        .updateTable('organisation')
        .set({ agesDueAt: new Date(0) })
        .execute()
      const [, watched] = await Promise.allSettled([file(db, world.owner, id), watchNextAges(db)])
      expect(watched).toMatchObject({ status: 'fulfilled' })
      const live = db.selectFrom('item').select('rotationRef').distinct().where('serviceId', '=', id)
      expect(await live.execute()).toHaveLength(1)
    }
  })

  test('again only a whole such age after it was turned down', async () => {
    await setAge(service.id, 61)
    await watchAll()
    const [rotation] = await rotationsOf(service.id)
    await rejectRotation(db, world.agent, rotation?.ref ?? '', { revision: 1, reason: 'Not now.' })
    await watchAll()
    expect(await rotationsOf(service.id)).toHaveLength(1)
    await daysLater(60.1)
    await watchAll()
    expect(await rotationsOf(service.id)).toHaveLength(2)
  })

  test('not of those that end by themselves before the overlap would', async () => {
    await setAge(service.id, 61)
    const ownEnd = new Date(Date.now() + 86_400_000)
    await db
      .updateTable('version')
      .set({ ownEnd, acceptedUntil: ownEnd })
      .where('keyId', '=', service.authKeyId)
      .execute()
    await watchAll()
    const [rotation] = await rotationsOf(service.id)
    const items = await db
      .selectFrom('item')
      .select('keyId')
      .where('rotationRef', '=', rotation?.ref ?? '')
      .execute()
    expect(items).toEqual([{ keyId: service.adminKeyId }])
  })
})

test('what came of it all holds together', async () => {
  expect(await findViolations(db)).toEqual([])
})

import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { beforeAll, describe, expect, test } from 'vitest'
import { extendOverlap } from '../../../src/desk/follow-ups/extend.ts'
import { revokeEarly } from '../../../src/desk/follow-ups/revoke-early.ts'
import { rollBack } from '../../../src/desk/follow-ups/roll-back.ts'
import { remindNextDue } from '../../../src/desk/mail/remind.ts'
import { rollKey } from '../../../src/desk/roll.ts'
import { acknowledgeVersion, fetchSealed } from '../../../src/keyring/delivery/sealed.ts'
import { setDelivery } from '../../../src/keyring/delivery/set-delivery.ts'
import { openTestDatabase } from '../../support/database.ts'
import { findViolations } from '../../support/invariants.ts'
import { outcome, refusalOf } from '../../support/refusals.ts'
import { endOf, makeClockWorld, passTime } from '../../support/worlds/clocks.ts'
import { addMember, carryOutAll, type DeskWorld, file, makeDeskWorld } from '../../support/worlds/desk-world.ts'
import { addSelfService, setServicePolicy } from '../../support/worlds/self-service.ts'
import { lettersAbout, readRotation } from '../../support/worlds/story.ts'

const { db, pool } = await openTestDatabase()
const HOUR = 3_600_000
const DAY = 24 * HOUR
let world: DeskWorld
let clocks: Awaited<ReturnType<typeof makeClockWorld>>

beforeAll(async () => {
  world = await makeDeskWorld(db)
  await addMember(db, world.organisationId, 'viewer', 'Vi Ewer')
  clocks = await makeClockWorld(db, pool, world)
})

const A_DAY = { overlapSeconds: 86_400 }
const ON_USE = { ...A_DAY, overlapEnds: 'on_first_use', graceSeconds: 3_600 } as const
const ON_PICKUP = { ...A_DAY, overlapEnds: 'on_pickup', graceSeconds: 0 } as const

async function tellAll(): Promise<void> {
  while (await remindNextDue(db));
}

describe('a clock that the first use starts', () => {
  test('ends the old key the grace after it, committed before the gateway is answered', async () => {
    const rolled = await clocks.roll(ON_USE)
    const before = await endOf(db, rolled)
    const started = Date.now()
    const answer = await clocks.use(rolled.madeId)
    expect(answer).toMatchObject({ valid: true, rotation: { role: 'new' } })
    const end = await endOf(db, rolled)
    expect(answer.rotation?.retiresAt).toEqual(end)
    expect(end.getTime()).toBeLessThan(before.getTime())
    expect(end.getTime() - started - HOUR).toBeGreaterThanOrEqual(0)
    expect(end.getTime() - Date.now() - HOUR).toBeLessThanOrEqual(0)
  })

  test('runs once: a later use moves nothing', async () => {
    const rolled = await clocks.roll(ON_USE)
    await clocks.use(rolled.madeId)
    const end = await endOf(db, rolled)
    await passTime(db, rolled, HOUR / 2)
    await clocks.use(rolled.madeId)
    expect((await endOf(db, rolled)).getTime()).toBe(end.getTime() - HOUR / 2)
  })

  test('is started by no use of the old key, and by no call that is refused', async () => {
    const rolled = await clocks.roll(ON_USE)
    const end = await endOf(db, rolled)
    await clocks.use(rolled.oldId)
    expect((await clocks.use(rolled.madeId, { permission: 'admin' })).code).toBe('PERMISSION_DENIED')
    await clocks.pickUp(rolled.madeId)
    expect(await endOf(db, rolled)).toEqual(end)
  })

  test('never gives time: near the end the old key stops as it would anyway', async () => {
    const rolled = await clocks.roll(ON_USE)
    await passTime(db, rolled, DAY - HOUR / 2)
    const end = await endOf(db, rolled)
    await clocks.use(rolled.madeId)
    expect(await endOf(db, rolled)).toEqual(end)
  })

  test('of a hundred first uses at once every one is answered after the end is committed, and it is written once', async () => {
    const rolled = await clocks.roll(ON_USE)
    const answers = await Promise.all(Array.from({ length: 100 }, () => clocks.use(rolled.madeId)))
    const end = await endOf(db, rolled)
    expect(new Set(answers.map((answer) => answer.rotation?.retiresAt.getTime()))).toEqual(new Set([end.getTime()]))
    const entries = db.selectFrom('auditEntry').select('sequence').where('rotation', '=', rolled.ref)
    expect(await entries.where('action', '=', 'rotation.start_clock').execute()).toHaveLength(1)
  })

  test('without a grace the old key stops with that use: asked after it, a gateway hears EXPIRED', async () => {
    for (let round = 0; round < 20; round += 1) {
      const rolled = await clocks.roll({ ...ON_USE, graceSeconds: 0 })
      await clocks.use(rolled.madeId)
      expect((await clocks.use(rolled.oldId)).code).toBe('EXPIRED')
    }
  })
})

describe('a clock that the pick-up starts', () => {
  test('stops the old key in the moment in which the new one is shown, and everybody who may view keys is told', async () => {
    const rolled = await clocks.roll(ON_PICKUP)
    expect((await clocks.use(rolled.oldId)).code).toBe('VALID')
    await clocks.use(rolled.madeId)
    expect((await clocks.use(rolled.oldId)).code).toBe('VALID')
    await clocks.pickUp(rolled.madeId)
    expect((await clocks.use(rolled.oldId)).code).toBe('EXPIRED')
    await tellAll()
    const told = await lettersAbout(db, rolled.ref, 'stops-sooner')
    expect(told).toEqual(['stops-sooner: Ada Owner', 'stops-sooner: Vi Ewer'])
    await carryOutAll(db)
    expect((await readRotation(db, rolled.ref)).status).toBe('completed')
  })

  test('counts each key by itself, and leaves the others their time', async () => {
    const { id } = await addSelfService(db, world)
    const ref = await file(db, world.owner, id, ON_PICKUP)
    await carryOutAll(db)
    const [first, second] = (await readRotation(db, ref)).items
    await clocks.pickUp(first?.newVersionId ?? '')
    const after = (await readRotation(db, ref)).items
    expect(after.map((item) => item.oldVersion?.accepted)).toEqual([false, true])
    expect(after[1]?.overlapEndsAt).toEqual(second?.overlapEndsAt)
  })

  test('ends at the latest when its time is over, picked up or not', async () => {
    const rolled = await clocks.roll(ON_PICKUP)
    await passTime(db, rolled, DAY)
    expect((await clocks.use(rolled.oldId)).code).toBe('EXPIRED')
    await carryOutAll(db)
    await clocks.pickUp(rolled.madeId)
    expect((await readRotation(db, rolled.ref)).status).toBe('completed')
  })

  test('counts an age file as picked up when it is acknowledged, not when it is fetched', async () => {
    const { id, authKeyId } = await addSelfService(db, world)
    await setDelivery(db, world.owner, id, await identityToRecipient(await generateX25519Identity()))
    const { ref } = await rollKey(db, world.owner, authKeyId, ON_PICKUP)
    await carryOutAll(db)
    const versionId = (await readRotation(db, ref)).items[0]?.newVersionId ?? ''
    await fetchSealed(db, world.owner, versionId)
    expect((await readRotation(db, ref)).items).toMatchObject([{ oldVersion: { accepted: true } }])
    await acknowledgeVersion(db, world.owner, versionId)
    expect((await readRotation(db, ref)).items).toMatchObject([{ oldVersion: { accepted: false } }])
  })

  test('with a grace reminds of the new end', async () => {
    const rolled = await clocks.roll({ ...ON_PICKUP, overlapSeconds: 10 * 86_400, graceSeconds: 2 * 86_400 })
    await clocks.pickUp(rolled.madeId)
    await tellAll()
    const end = await endOf(db, rolled)
    const reminders = db.selectFrom('reminder').select('dueAt').where('rotationRef', '=', rolled.ref)
    const times = (await reminders.where('of', '=', end).execute()).map(({ dueAt }) => end.getTime() - dueAt.getTime())
    expect(times.toSorted((a, b) => a - b)).toEqual([HOUR, DAY])
  })
})

describe('follow-ups against a clock', () => {
  test('more time stops a clock that waits: what was promised last holds', async () => {
    const rolled = await clocks.roll(ON_PICKUP)
    const end = new Date(Date.now() + 3 * DAY)
    await extendOverlap(db, world.owner, rolled.ref, { overlapEndsAt: end })
    await clocks.pickUp(rolled.madeId)
    expect(await endOf(db, rolled)).toEqual(end)
  })

  test('keeping the end that is set, now for certain, is more time while a clock waits, and none without one', async () => {
    const rolled = await clocks.roll(ON_USE)
    const overlapEndsAt = await endOf(db, rolled)
    await extendOverlap(db, world.owner, rolled.ref, { overlapEndsAt })
    await clocks.use(rolled.madeId)
    expect(await endOf(db, rolled)).toEqual(overlapEndsAt)
    expect(await outcome(extendOverlap(db, world.owner, rolled.ref, { overlapEndsAt }))).toBe('INVALID_REQUEST')
  })

  test('more time after the clock has run moves the end back again, as far as the cap', async () => {
    const rolled = await clocks.roll(ON_USE)
    await clocks.use(rolled.madeId)
    const late = extendOverlap(db, world.owner, rolled.ref, { overlapEndsAt: new Date(Date.now() + 31 * DAY) })
    expect(await outcome(late)).toBe('INVALID_REQUEST')
    const end = new Date(Date.now() + 2 * DAY)
    await extendOverlap(db, world.owner, rolled.ref, { overlapEndsAt: end })
    expect(await endOf(db, rolled)).toEqual(end)
  })

  test('a clock still runs before a planned early stop, never past it, and the plan lapses when it comes first', async () => {
    const rolled = await clocks.roll(ON_USE)
    await revokeEarly(db, world.owner, rolled.ref, { at: new Date(Date.now() + 5 * HOUR) })
    await clocks.use(rolled.madeId)
    const { overlapEndsAt } = (await readRotation(db, rolled.ref)).items[0] ?? {}
    expect(Number(overlapEndsAt)).toBeLessThanOrEqual(Date.now() + HOUR)
    await passTime(db, rolled, HOUR)
    expect((await clocks.use(rolled.oldId)).code).toBe('EXPIRED')
    await carryOutAll(db)
    expect((await readRotation(db, rolled.ref)).followUps).toMatchObject([
      { type: 'early_revocation', status: 'lapsed' },
    ])
  })

  test('a planned stop that comes before the grace is over stays where it is', async () => {
    const rolled = await clocks.roll(ON_USE)
    const at = new Date(Date.now() + HOUR / 2)
    await revokeEarly(db, world.owner, rolled.ref, { at })
    await clocks.use(rolled.madeId)
    expect((await readRotation(db, rolled.ref)).items[0]?.overlapEndsAt).toEqual(at)
  })

  test('going back works while the grace runs, and not after the pick-up that stopped the old key', async () => {
    const running = await clocks.roll(ON_USE)
    await clocks.use(running.madeId)
    await rollBack(db, world.owner, running.ref)
    expect((await clocks.use(running.oldId)).code).toBe('VALID')
    expect((await clocks.use(running.madeId)).code).toBe('ROLLED_BACK')
    const stopped = await clocks.roll(ON_PICKUP)
    await clocks.pickUp(stopped.madeId)
    expect(await outcome(rollBack(db, world.owner, stopped.ref))).toBe('ILLEGAL_MOVE')
  })

  test('of a first use and going back at the same moment both are carried out in one order, and the old key lives', async () => {
    for (let round = 0; round < 20; round += 1) {
      const rolled = await clocks.roll(ON_USE)
      const [answer] = await Promise.all([clocks.use(rolled.madeId), rollBack(db, world.owner, rolled.ref)])
      expect(['VALID', 'ROLLED_BACK']).toContain(answer.code)
      expect((await clocks.use(rolled.oldId)).code).toBe('VALID')
      expect((await clocks.use(rolled.madeId)).code).toBe('ROLLED_BACK')
    }
  })

  test('of a pick-up and more time at the same moment the old key ends with one of them, and is never half of both', async () => {
    for (let round = 0; round < 20; round += 1) {
      const rolled = await clocks.roll(ON_PICKUP)
      const end = new Date(Date.now() + 3 * DAY)
      const [, more] = await Promise.allSettled([
        clocks.pickUp(rolled.madeId),
        extendOverlap(db, world.owner, rolled.ref, { overlapEndsAt: end }),
      ])
      const stopped = (await endOf(db, rolled)).getTime() <= Date.now()
      expect(stopped).toBe(more.status === 'rejected')
      if (!stopped) expect(await endOf(db, rolled)).toEqual(end)
    }
  })
})

describe('a cooldown', () => {
  const WAITS = { overlapSeconds: 3 * 86_400, cooldownSeconds: 86_400 }

  test('keeps a new key from working, which can be picked up meanwhile, and the old one goes on', async () => {
    const rolled = await clocks.roll(WAITS)
    expect((await clocks.use(rolled.madeId)).code).toBe('NOT_YET_ACTIVE')
    expect((await clocks.use(rolled.oldId)).code).toBe('VALID')
    await clocks.pickUp(rolled.madeId)
    await passTime(db, rolled, DAY)
    expect((await clocks.use(rolled.madeId)).code).toBe('VALID')
  })

  test('keeps the old key from being stopped before the new one works, now or planned', async () => {
    const rolled = await clocks.roll(WAITS)
    const { code, message } = await refusalOf(revokeEarly(db, world.owner, rolled.ref, {}))
    expect([code, message]).toEqual(['ILLEGAL_MOVE', expect.stringMatching(/works only from .*UTC/)])
    const planned = (hours: number) =>
      revokeEarly(db, world.owner, rolled.ref, { at: new Date(Date.now() + hours * HOUR) })
    expect(await outcome(planned(23))).toBe('ILLEGAL_MOVE')
    expect(await outcome(planned(25))).toBe('done')
  })

  test('holds a clock back: picked up before it works, the new key stops the old one when it begins to', async () => {
    const rolled = await clocks.roll({ ...WAITS, overlapEnds: 'on_pickup' })
    await clocks.pickUp(rolled.madeId)
    expect((await clocks.use(rolled.oldId)).code).toBe('VALID')
    const made = db.selectFrom('version').select('activeFrom').where('id', '=', rolled.madeId)
    expect(await endOf(db, rolled)).toEqual((await made.executeTakeFirstOrThrow()).activeFrom)
    await passTime(db, rolled, DAY)
    expect([(await clocks.use(rolled.oldId)).code, (await clocks.use(rolled.madeId)).code]).toEqual([
      'EXPIRED',
      'VALID',
    ])
  })

  test('longer than the overlap is refused, at filing and again when the keys are made', async () => {
    const { id, authKeyId } = await addSelfService(db, world)
    await setServicePolicy(db, id, { cooldownSeconds: 86_401 })
    const items = [{ keyId: authKeyId }]
    expect(await outcome(file(db, world.owner, '', { items, overlapSeconds: 86_400 }))).toBe('COOLDOWN_TOO_LONG')
    expect(await outcome(file(db, world.owner, '', { items, overlapSeconds: 0 }))).toBe('COOLDOWN_TOO_LONG')
    const ref = await file(db, world.owner, '', { items, overlapSeconds: 86_401 })
    await db.updateTable('item').set({ cooldownSeconds: 86_402 }).where('rotationRef', '=', ref).execute()
    await carryOutAll(db)
    expect((await readRotation(db, ref)).items).toMatchObject([
      { status: 'failed', problem: 'The old key would stop before the new one may begin to work.' },
    ])
  })

  test('is skipped after a leak: the new key works at once', async () => {
    const { id, authKeyId } = await addSelfService(db, world)
    await setServicePolicy(db, id, { cooldownSeconds: 86_400 })
    const items = [{ keyId: authKeyId }]
    const ref = await file(db, world.owner, '', { items, reason: 'compromised', overlapSeconds: 0 })
    await carryOutAll(db)
    expect((await readRotation(db, ref)).items).toMatchObject([{ status: 'retired', newVersion: { accepted: true } }])
  })

  test('ends when a leak replaces the rotation: the old key stops, the newer one works, and is replaced next', async () => {
    const rolled = await clocks.roll(WAITS)
    const items = [{ keyId: rolled.keyId }]
    await file(db, world.owner, '', { items, reason: 'compromised', replaces: rolled.ref })
    expect([(await clocks.use(rolled.oldId)).code, (await clocks.use(rolled.madeId)).code]).toEqual([
      'REVOKED',
      'VALID',
    ])
    await carryOutAll(db)
  })

  test('was filed with: a change of the policy afterwards touches nothing', async () => {
    const { id, authKeyId } = await addSelfService(db, world)
    await setServicePolicy(db, id, { cooldownSeconds: 3_600 })
    const ref = await file(db, world.owner, '', { items: [{ keyId: authKeyId }] })
    await setServicePolicy(db, id, { cooldownSeconds: 86_400 })
    await carryOutAll(db)
    const { newVersionId } = (await readRotation(db, ref)).items[0] ?? {}
    const made = db
      .selectFrom('version')
      .selectAll()
      .where('id', '=', newVersionId ?? '')
    const { activeFrom, createdAt } = await made.executeTakeFirstOrThrow()
    expect(activeFrom.getTime() - createdAt.getTime()).toBe(HOUR)
  })
})

test('after all of it nothing that must never be is', async () => {
  await tellAll()
  expect(await findViolations(db)).toEqual([])
})

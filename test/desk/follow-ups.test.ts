import { beforeAll, describe, expect, test } from 'vitest'
import { findRotationEvents } from '../../src/database/audit/trail.ts'
import { approveFollowUp, rejectFollowUp } from '../../src/desk/follow-ups/decide.ts'
import { extendOverlap } from '../../src/desk/follow-ups/extend.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { rollBack } from '../../src/desk/follow-ups/roll-back.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { rotationStatus, steps } from '../../src/web/shown/status.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { refusalOf } from '../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  carryOutAll,
  type DeskWorld,
  file,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'
import { ageGeneration, DAY, endOverlap, lettersOf, newService, openOverlap, read } from '../support/worlds/overlaps.ts'

const { db } = await openTestDatabase()
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

/** A moment some days after the old keys' generation. */
async function daysAfter(ref: string, days: number): Promise<Date> {
  const generatedAt = (await read(db, ref)).items[0]?.generatedAt
  return new Date((generatedAt?.getTime() ?? 0) + days * DAY)
}

async function setOwnEnd(keyId: string, ownEnd: Date): Promise<void> {
  await db.updateTable('version').set({ ownEnd, acceptedUntil: ownEnd }).where('keyId', '=', keyId).execute()
}

async function actionsOf(ref: string): Promise<string[]> {
  return (await findRotationEvents(db, { organisationId: null }, ref)).map(({ action }) => action)
}

describe('more time', () => {
  test('counts at once the first time for a routine reason, and moves every end with it', async () => {
    const ref = await openOverlap(db, world)
    const end = await daysAfter(ref, 10)
    const { status } = await extendOverlap(db, world.owner, ref, { overlapEndsAt: end })
    expect(status).toBe('done')
    const rotation = await read(db, ref)
    expect(rotation).toMatchObject({ status: 'overlap', nextDeadline: end, followUps: [{ status: 'done', at: end }] })
    for (const item of rotation.items) {
      expect(item.overlapEndsAt).toEqual(end)
      expect(item.oldVersion?.acceptedUntil).toEqual(end)
    }
    const due = await db.selectFrom('item').select('dueAt').where('rotationRef', '=', ref).execute()
    expect(due.map(({ dueAt }) => dueAt)).toEqual([end, end])
    expect((await lettersOf(db, ref)).extended).toBe(1)
    expect(await actionsOf(ref)).toContain('rotation.extend')
  })

  test('reaches 30 days after the new key was made to the millisecond, and not one more', async () => {
    const ref = await openOverlap(db, world)
    const last = await daysAfter(ref, 30)
    const late = extendOverlap(db, world.owner, ref, { overlapEndsAt: new Date(last.getTime() + 1) })
    expect(await refusalOf(late)).toMatchObject({
      code: 'INVALID_REQUEST',
      errors: [{ pointer: '/overlapEndsAt', message: expect.stringContaining('30 days') }],
    })
    await extendOverlap(db, world.owner, ref, { overlapEndsAt: last })
    expect((await read(db, ref)).nextDeadline).toEqual(last)
  })

  test('never passes the end that the old key had by itself', async () => {
    const serviceId = await newService(db, world)
    const key = await db.selectFrom('key').select('id').where('serviceId', '=', serviceId).execute()
    const ownEnd = new Date(Date.now() + 5 * DAY)
    for (const { id } of key) await setOwnEnd(id, ownEnd)
    const ref = await openOverlap(db, world, { serviceId })
    const late = extendOverlap(db, world.owner, ref, { overlapEndsAt: new Date(ownEnd.getTime() + 1) })
    expect((await refusalOf(late)).code).toBe('INVALID_REQUEST')
    await extendOverlap(db, world.owner, ref, { overlapEndsAt: ownEnd })
    expect((await read(db, ref)).items[0]?.oldVersion?.acceptedUntil).toEqual(ownEnd)
  })

  test('never takes time away: a key that works longer already is left as it is', async () => {
    const ref = await openOverlap(db, world)
    const [first] = (await read(db, ref)).items
    const far = await daysAfter(ref, 20)
    await extendOverlap(db, world.owner, ref, { overlapEndsAt: far, itemIds: [first?.id ?? ''] })
    const earlier = await daysAfter(ref, 8)
    await extendOverlap(db, world.owner, ref, { overlapEndsAt: earlier })
    const rotation = await read(db, ref)
    expect(rotation.items.map((item) => item.overlapEndsAt)).toEqual([far, earlier])
    expect(rotation.nextDeadline).toEqual(earlier)
    const shorter = extendOverlap(db, world.owner, ref, { overlapEndsAt: await daysAfter(ref, 2) })
    expect(await refusalOf(shorter)).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ pointer: '/overlapEndsAt' }] })
  })

  test('a second time for the same key waits for an agent, and counts from the approval on', async () => {
    const ref = await openOverlap(db, world)
    await extendOverlap(db, world.owner, ref, { overlapEndsAt: await daysAfter(ref, 3) })
    const wanted = await daysAfter(ref, 9)
    const asked = await extendOverlap(db, world.owner, ref, { overlapEndsAt: wanted })
    expect(asked.status).toBe('requested')
    expect((await read(db, ref)).nextDeadline).toEqual(await daysAfter(ref, 3))
    expect((await lettersOf(db, ref))['follow-up-needed']).toBe(2)
    const again = extendOverlap(db, world.owner, ref, { overlapEndsAt: await daysAfter(ref, 12) })
    expect(await refusalOf(again)).toMatchObject({ code: 'ILLEGAL_MOVE', message: expect.stringContaining('already') })
    await approveFollowUp(db, world.agent, asked.followUpId)
    expect(await read(db, ref)).toMatchObject({ nextDeadline: wanted, followUps: [{}, { status: 'done' }] })
    expect((await lettersOf(db, ref)).extended).toBe(2)
  })

  test.each(['compromised', 'suspected', 'lost'] as const)(
    'after “%s” it always waits for an agent',
    async (reason) => {
      const ref = await openOverlap(db, world, { reason })
      const asked = await extendOverlap(db, world.owner, ref, { overlapEndsAt: await daysAfter(ref, 2) })
      expect(asked.status).toBe('requested')
      expect((await read(db, ref)).followUps).toMatchObject([{ approvalsNeeded: 1, type: 'extension' }])
    },
  )

  test('is refused once the old key has ended, though no worker has been there, with what to do instead', async () => {
    const ref = await openOverlap(db, world)
    const later = await daysAfter(ref, 9)
    await endOverlap(db, ref)
    expect(await refusalOf(extendOverlap(db, world.owner, ref, { overlapEndsAt: later }))).toMatchObject({
      code: 'ILLEGAL_MOVE',
      message: expect.stringContaining('Use the new key'),
    })
    await carryOutAll(db)
    expect((await refusalOf(extendOverlap(db, world.owner, ref, { overlapEndsAt: later }))).code).toBe('ILLEGAL_MOVE')
  })

  test('is refused once an early stop is planned, which is final', async () => {
    const ref = await openOverlap(db, world)
    await revokeEarly(db, world.owner, ref, { at: new Date(Date.now() + 3_600_000) })
    const later = extendOverlap(db, world.owner, ref, { overlapEndsAt: await daysAfter(ref, 9) })
    expect(await refusalOf(later)).toMatchObject({ code: 'ILLEGAL_MOVE', message: expect.stringContaining('final') })
  })
})

test('reminders follow the end, whether it was moved away or nearer', async () => {
  const ref = await openOverlap(db, world, { overlapSeconds: 20 * 86_400 })
  const reminded = async () => {
    const rows = await db
      .selectFrom('reminder')
      .select('of')
      .where('rotationRef', '=', ref)
      .where('kind', '=', 'old_key_stops')
      .execute()
    return new Set(rows.map(({ of }) => of.getTime()))
  }
  const later = await daysAfter(ref, 25)
  await extendOverlap(db, world.owner, ref, { overlapEndsAt: later })
  expect(await reminded()).toContain(later.getTime())
  const sooner = await daysAfter(ref, 15)
  await revokeEarly(db, world.owner, ref, { at: sooner })
  expect(await reminded()).toContain(sooner.getTime())
})

describe('going back', () => {
  test('deletes the new keys, secrets included, and gives the old ones back the end they had by themselves', async () => {
    const ref = await openOverlap(db, world)
    await rollBack(db, world.owner, ref)
    const rotation = await read(db, ref)
    expect(rotation).toMatchObject({ status: 'rolled_back', nextDeadline: null, followUps: [{ status: 'done' }] })
    expect(rotation.completedAt).not.toBeNull()
    for (const item of rotation.items) {
      expect(item.status).toBe('rolled_back')
      expect(item.oldVersion).toMatchObject({ accepted: true, acceptedUntil: null })
      expect(item.newVersion).toMatchObject({ accepted: false, sealed: false, rolledBackAt: expect.any(Date) })
      const reveal = revealVersion(db, maker.sealer, world.owner, item.newVersionId ?? '')
      expect(await refusalOf(reveal)).toMatchObject({ code: 'ILLEGAL_MOVE' })
    }
    expect((await lettersOf(db, ref))['rolled-back']).toBe(1)
    expect(await carryOutAll(db)).toBeUndefined()
    await file(db, world.owner, rotation.items[0]?.serviceId ?? '')
  })

  test('is per key: the others go on, and the rotation completes with them', async () => {
    const ref = await openOverlap(db, world)
    const [first, second] = (await read(db, ref)).items
    await rollBack(db, world.owner, ref, { itemIds: [first?.id ?? ''] })
    expect((await read(db, ref)).items.map(({ status }) => status)).toEqual(['rolled_back', 'overlap'])
    expect((await read(db, ref)).status).toBe('overlap')
    await endOverlap(db, ref, 1_000, second?.id)
    await carryOutAll(db)
    const rotation = await read(db, ref)
    expect(rotation).toMatchObject({ status: 'completed', items: [{ status: 'rolled_back' }, { status: 'retired' }] })
    expect(rotationStatus(rotation, 'UTC').sentence).toBe(
      '1 old key has stopped. 1 key went back: the old one goes on working. 1 new key still to be picked up.',
    )
    expect(steps(rotation, 'UTC').map(({ name }) => name)).not.toContain('Old keys stopped')
    const completed = db.selectFrom('letter').select('facts').where('thread', '=', ref).where('kind', '=', 'completed')
    const { facts } = await completed.limit(1).executeTakeFirstOrThrow()
    expect(facts).toMatchObject({ items: [{ rolledBack: true }, { rolledBack: false }] })
  })

  test('restores the end that the old key had by itself', async () => {
    const serviceId = await newService(db, world)
    const keys = await db.selectFrom('key').select('id').where('serviceId', '=', serviceId).execute()
    const ownEnd = new Date(Date.now() + 40 * DAY)
    for (const { id } of keys) await setOwnEnd(id, ownEnd)
    const ref = await openOverlap(db, world, { serviceId })
    await rollBack(db, world.owner, ref)
    expect((await read(db, ref)).items.map((item) => item.oldVersion?.acceptedUntil)).toEqual([ownEnd, ownEnd])
  })

  test('never brings back an old key that has ended, revoked or by its time, and says what to do instead', async () => {
    const ended = await openOverlap(db, world)
    await endOverlap(db, ended)
    const revoked = await openOverlap(db, world)
    await revokeEarly(db, world.owner, revoked, {})
    const planned = await openOverlap(db, world)
    await revokeEarly(db, world.owner, planned, { at: new Date(Date.now() + 3_600_000) })
    for (const ref of [ended, revoked, planned]) {
      expect(await refusalOf(rollBack(db, world.owner, ref))).toMatchObject({
        code: 'ILLEGAL_MOVE',
        message: expect.stringContaining('request a new rotation'),
      })
    }
  })

  test('after a leak needs two agents, and happens with the second', async () => {
    const ref = await openOverlap(db, world, { reason: 'compromised' })
    const { followUpId, status } = await rollBack(db, world.owner, ref)
    expect(status).toBe('requested')
    await approveFollowUp(db, world.agent, followUpId)
    expect(await read(db, ref)).toMatchObject({
      status: 'overlap',
      followUps: [{ status: 'requested', approvalsNeeded: 2, approvals: [{ by: { name: 'Gus Agent' } }] }],
    })
    expect((await refusalOf(approveFollowUp(db, world.agent, followUpId))).code).toBe('ALREADY_APPROVED')
    await approveFollowUp(db, world.otherAgent, followUpId)
    expect(await read(db, ref)).toMatchObject({ status: 'rolled_back', followUps: [{ status: 'done' }] })
    expect((await refusalOf(approveFollowUp(db, world.otherAgent, followUpId))).code).toBe('ILLEGAL_MOVE')
  })
})

describe('a follow-up that waits', () => {
  async function ask(): Promise<{ ref: string; followUpId: string }> {
    const ref = await openOverlap(db, world, { reason: 'lost' })
    const { followUpId } = await extendOverlap(db, world.owner, ref, { overlapEndsAt: await daysAfter(ref, 5) })
    return { ref, followUpId }
  }

  test('is rejected with a reason, for good, and may be asked for anew', async () => {
    const { ref, followUpId } = await ask()
    const leak = rejectFollowUp(db, world.agent, followUpId, { reason: `rk_auth_live_${'a'.repeat(38)}` })
    expect((await refusalOf(leak)).code).toBe('CONTAINS_SECRET')
    await rejectFollowUp(db, world.agent, followUpId, { reason: 'Call us.' })
    expect((await read(db, ref)).followUps).toMatchObject([{ status: 'rejected', decisionReason: 'Call us.' }])
    expect((await lettersOf(db, ref))['follow-up-rejected']).toBe(1)
    expect((await refusalOf(approveFollowUp(db, world.agent, followUpId))).message).toContain('rejected already')
    await extendOverlap(db, world.owner, ref, { overlapEndsAt: await daysAfter(ref, 6) })
  })

  test('is decided by nobody of that organisation, by no customer, and not by an administrator', async () => {
    const { followUpId } = await ask()
    const insider = { personId: world.otherAgent.personId, organisationId: world.organisationId }
    await db
      .insertInto('membership')
      .values({ ...insider, role: 'viewer', createdAt: new Date() })
      .execute()
    for (const decide of [
      () => approveFollowUp(db, world.otherAgent, followUpId),
      () => rejectFollowUp(db, world.otherAgent, followUpId, { reason: 'no' }),
    ]) {
      expect((await refusalOf(decide())).code).toBe('OWN_ROTATION')
    }
    await db.deleteFrom('membership').where('personId', '=', insider.personId).execute()
    expect((await refusalOf(approveFollowUp(db, world.owner, followUpId))).code).toBe('NOT_ALLOWED')
    expect((await refusalOf(approveFollowUp(db, world.admin, followUpId))).code).toBe('NOT_ALLOWED')
    expect((await refusalOf(approveFollowUp(db, world.agent, 'fup_unknown'))).code).toBe('NOT_FOUND')
  })

  test('lapses when the old key ends first, and an approval after that end does nothing', async () => {
    const { ref, followUpId } = await ask()
    await endOverlap(db, ref)
    expect((await refusalOf(approveFollowUp(db, world.agent, followUpId))).code).toBe('ILLEGAL_MOVE')
    await carryOutAll(db)
    expect(await read(db, ref)).toMatchObject({ status: 'completed', followUps: [{ status: 'lapsed' }] })
    expect(await actionsOf(ref)).toContain('follow_up.lapse')
    expect((await refusalOf(approveFollowUp(db, world.agent, followUpId))).message).toContain('nothing left to decide')
  })

  test('lapses when its keys are stopped early or brought back, and a planned stop lapses when they are stopped now', async () => {
    const { ref } = await ask()
    await revokeEarly(db, world.owner, ref, { at: new Date(Date.now() + 3_600_000) })
    await revokeEarly(db, world.owner, ref, {})
    await carryOutAll(db)
    const followUps = (await read(db, ref)).followUps.map(({ type, status }) => [type, status])
    expect(followUps).toEqual([
      ['extension', 'lapsed'],
      ['early_revocation', 'lapsed'],
      ['early_revocation', 'done'],
    ])
    const other = await ask()
    await rollBack(db, world.owner, other.ref)
    expect((await read(db, other.ref)).followUps.map(({ status }) => status)).toEqual(['lapsed', 'done'])
  })

  test('that was approved for a key of which others ended meanwhile counts for those that have not', async () => {
    const { ref, followUpId } = await ask()
    const [first, second] = (await read(db, ref)).items
    await endOverlap(db, ref, 1_000, first?.id)
    await approveFollowUp(db, world.agent, followUpId)
    await carryOutAll(db)
    const { items } = await read(db, ref)
    expect(items.map(({ status }) => status)).toEqual(['retired', 'overlap'])
    expect(items[1]?.overlapEndsAt?.getTime()).toBeGreaterThan(second?.overlapEndsAt?.getTime() ?? 0)
  })
})

test('an early stop is planned once per key, and its time is the rotation’s next date', async () => {
  const ref = await openOverlap(db, world)
  const at = new Date(Date.now() + 3_600_000)
  await revokeEarly(db, world.owner, ref, { at })
  expect((await read(db, ref)).nextDeadline).toEqual(at)
  const sooner = revokeEarly(db, world.owner, ref, { at: new Date(Date.now() + 60_000) })
  expect((await refusalOf(sooner)).code).toBe('ILLEGAL_MOVE')
})

test('another organisation neither sees nor moves them, and an item of another rotation is not there', async () => {
  const ref = await openOverlap(db, world)
  const stranger = await addMember(db, await addOrganisation(db, 'Globex'), 'owner', 'Eve Owner')
  const end = await daysAfter(ref, 5)
  expect((await refusalOf(extendOverlap(db, stranger, ref, { overlapEndsAt: end }))).code).toBe('NOT_FOUND')
  expect((await refusalOf(rollBack(db, stranger, ref))).code).toBe('NOT_FOUND')
  const foreign = { overlapEndsAt: end, itemIds: ['itm_unknown'] }
  expect((await refusalOf(extendOverlap(db, world.owner, ref, foreign))).code).toBe('NOT_FOUND')
  expect((await refusalOf(rollBack(db, world.agent, ref))).code).toBe('NOT_ALLOWED')
  expect((await refusalOf(extendOverlap(db, world.agent, ref, { overlapEndsAt: end }))).code).toBe('NOT_ALLOWED')
})

test('keys of a rotation that has not started have nothing to go back to and no end to move', async () => {
  const ref = await file(db, world.owner, await newService(db, world))
  expect((await refusalOf(rollBack(db, world.owner, ref))).code).toBe('ILLEGAL_MOVE')
  const end = new Date(Date.now() + DAY)
  expect((await refusalOf(extendOverlap(db, world.owner, ref, { overlapEndsAt: end }))).code).toBe('ILLEGAL_MOVE')
})

test('more time counts from the generation, not from now', async () => {
  const ref = await openOverlap(db, world, { overlapSeconds: 29 * 86_400 })
  await ageGeneration(db, ref, 28 * DAY)
  await endOverlap(db, ref, -DAY)
  const late = extendOverlap(db, world.owner, ref, { overlapEndsAt: new Date(Date.now() + 3 * DAY) })
  expect((await refusalOf(late)).code).toBe('INVALID_REQUEST')
  await extendOverlap(db, world.owner, ref, { overlapEndsAt: await daysAfter(ref, 30) })
})

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})

import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { beforeAll, describe, expect, test } from 'vitest'
import { findService } from '../../src/database/keys/services.ts'
import { extendOverlap } from '../../src/desk/follow-ups/extend.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { rollBack } from '../../src/desk/follow-ups/roll-back.ts'
import { reissueVersion } from '../../src/desk/reissue/reissue.ts'
import { acknowledgeVersion, fetchSealed } from '../../src/keyring/delivery/sealed.ts'
import { setDelivery } from '../../src/keyring/delivery/set-delivery.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { refusalOf } from '../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  carryOutAll,
  type DeskWorld,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'
import { DAY, endOverlap, newService, openOverlap, read } from '../support/worlds/overlaps.ts'
import { race } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
const recipient = await identityToRecipient(await generateX25519Identity())
const ROUNDS = 20
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function itemOf(ref: string) {
  const item = (await read(db, ref)).items[0]
  if (item?.newVersion === null || item?.newVersion === undefined) throw new Error(`${ref} made no key`)
  return { ...item, newVersion: item.newVersion }
}

/** A rotation of one key that is in its overlap. */
async function overlapping(serviceId?: string): Promise<string> {
  const items = [{ serviceId: serviceId ?? (await newService(db, world)), kinds: ['auth'] as const }]
  return openOverlap(db, world, { items })
}

async function firstVersion(): Promise<{ serviceId: string; keyId: string; versionId: string }> {
  const serviceId = await newService(db, world)
  const key = (await findService(db, world.owner, serviceId))?.keys[0]
  return { serviceId, keyId: key?.id ?? '', versionId: key?.versions[0]?.id ?? '' }
}

async function acceptedOf(keyId: string): Promise<number> {
  const rows = await db.selectFrom('version').selectAll().where('keyId', '=', keyId).execute()
  const now = new Date()
  return rows.filter((v) => v.revokedAt === null && v.rolledBackAt === null && (v.acceptedUntil ?? now) >= now).length
}

const again = (versionId: string) => reissueVersion(db, maker, world.owner, versionId)

describe('a new key that was lost', () => {
  test('is made anew without touching the old key, and the lost one is refused at once', async () => {
    const ref = await overlapping()
    const before = await itemOf(ref)
    await revealVersion(db, maker.sealer, world.owner, before.newVersion.id)
    const { versionId } = await again(before.newVersion.id)
    const after = await itemOf(ref)
    expect(after.newVersion).toMatchObject({ id: versionId, accepted: true, sealed: true, pickedUp: false })
    expect(after).toMatchObject({
      status: 'overlap',
      overlapEndsAt: before.overlapEndsAt,
      generatedAt: before.generatedAt,
    })
    expect(after.oldVersion).toEqual(before.oldVersion)
    const lost = await db
      .selectFrom('version')
      .selectAll()
      .where('id', '=', before.newVersion.id)
      .executeTakeFirstOrThrow()
    expect(lost).toMatchObject({ revokedAt: expect.any(Date), sealed: null })
    expect((await revealVersion(db, maker.sealer, world.owner, versionId)).secret).toMatch(/^rk_/)
    expect((await refusalOf(again(before.newVersion.id)))?.code).toBe('ILLEGAL_MOVE')
    const letters = db
      .selectFrom('letter')
      .select('facts')
      .where('naturalKey', 'like', `notice/version_reissued/${lost.id}/%`)
    expect((await letters.execute()).length).toBeGreaterThan(0)
  })

  test('is encrypted anew, to the recipient that the service has by then', async () => {
    const ref = await overlapping()
    const { newVersion, serviceId } = await itemOf(ref)
    await setDelivery(db, world.owner, serviceId, recipient)
    const { versionId } = await again(newVersion.id)
    expect(await fetchSealed(db, world.owner, versionId)).toBeInstanceOf(Buffer)
    await again(versionId)
    expect((await refusalOf(fetchSealed(db, world.owner, versionId)))?.code).toBe('NOT_SEALED')
  })

  test('may be lost twice, and the rotation still has one old key and one new', async () => {
    const ref = await overlapping()
    const { keyId, newVersion } = await itemOf(ref)
    await again((await again(newVersion.id)).versionId)
    expect(await acceptedOf(keyId)).toBe(2)
    await endOverlap(db, ref)
    await carryOutAll(db)
    expect((await read(db, ref)).status).toBe('completed')
    expect(await acceptedOf(keyId)).toBe(1)
  })

  test('is deleted by going back, and the old key has its own end again', async () => {
    const ref = await overlapping()
    const { versionId } = await again((await itemOf(ref)).newVersion.id)
    await rollBack(db, world.owner, ref)
    const { newVersion, oldVersion } = await itemOf(ref)
    expect(newVersion).toMatchObject({ id: versionId, rolledBackAt: expect.any(Date) })
    expect(oldVersion).toMatchObject({ accepted: true, acceptedUntil: null })
    expect((await refusalOf(again(versionId)))?.code).toBe('ILLEGAL_MOVE')
  })

  test('waits as long as any before it works, and not past the end of the old one', async () => {
    const ref = await overlapping()
    const { id, newVersion } = await itemOf(ref)
    await db.updateTable('item').set({ cooldownSeconds: 3_600 }).where('id', '=', id).execute()
    const { versionId } = await again(newVersion.id)
    const made = await db.selectFrom('version').selectAll().where('id', '=', versionId).executeTakeFirstOrThrow()
    expect(made.activeFrom.getTime() - made.createdAt.getTime()).toBe(3_600_000)
    await db
      .updateTable('item')
      .set({ cooldownSeconds: 2 * 86_400 })
      .where('id', '=', id)
      .execute()
    expect((await refusalOf(again(versionId)))?.code).toBe('COOLDOWN_TOO_LONG')
    await db.updateTable('item').set({ cooldownSeconds: 0 }).where('id', '=', id).execute()
  })

  test('still ends the old one sooner, where the lost one would have', async () => {
    const ref = await overlapping()
    const { newVersion } = await itemOf(ref)
    const clock = { clockStarts: 'on_pickup', clockSeconds: 600 } as const
    await db.updateTable('version').set(clock).where('id', '=', newVersion.id).execute()
    const { versionId } = await again(newVersion.id)
    const rows = db.selectFrom('version').select(['clockStarts', 'clockSeconds'])
    expect(await rows.where('id', '=', versionId).executeTakeFirst()).toEqual(clock)
    const none = { clockStarts: null, clockSeconds: null }
    expect(await rows.where('id', '=', newVersion.id).executeTakeFirst()).toEqual(none)
  })
})

describe('the only version of a key', () => {
  test('is made anew while nobody has picked it up', async () => {
    const { keyId, versionId } = await firstVersion()
    const { versionId: made } = await again(versionId)
    expect(await acceptedOf(keyId)).toBe(1)
    expect((await revealVersion(db, maker.sealer, world.owner, made)).secret).toMatch(/^rk_/)
  })

  test('is not once somebody has it, since that would stop whatever uses it', async () => {
    const { keyId, versionId } = await firstVersion()
    await revealVersion(db, maker.sealer, world.owner, versionId)
    expect(await refusalOf(again(versionId))).toMatchObject({
      code: 'ILLEGAL_MOVE',
      message: expect.stringContaining('Request a rotation with the reason that the key was lost'),
    })
    expect(await acceptedOf(keyId)).toBe(1)
  })

  test('is when its file could not be opened, but not when it was acknowledged or is in use', async () => {
    const { serviceId, versionId } = await firstVersion()
    await setDelivery(db, world.owner, serviceId, recipient)
    const second = (await again(versionId)).versionId
    await fetchSealed(db, world.owner, second)
    const third = (await again(second)).versionId
    await fetchSealed(db, world.owner, third)
    const use = { firstUsedAt: new Date(), lastUsedAt: new Date(), lastNetwork: null }
    await db
      .insertInto('versionUse')
      .values({ versionId: third, ...use })
      .execute()
    expect((await refusalOf(again(third)))?.message).toContain('in use')
    await db.deleteFrom('versionUse').where('versionId', '=', third).execute()
    await acknowledgeVersion(db, world.owner, third)
    expect((await refusalOf(again(third)))?.message).toContain('picked up')
  })

  test('is the new one after an overlap that nobody picked it up in, also on the page of its rotation', async () => {
    const ref = await overlapping()
    await endOverlap(db, ref)
    await carryOutAll(db)
    const { newVersion, status } = await itemOf(ref)
    expect(status).toBe('retired')
    const { versionId } = await again(newVersion.id)
    expect((await itemOf(ref)).newVersion.id).toBe(versionId)
  })
})

test('nobody makes a key anew that is not theirs, ended, disabled, or of which a newer version is there', async () => {
  const ref = await overlapping()
  const { newVersion, oldVersion, keyId } = await itemOf(ref)
  const rival = await addMember(db, await addOrganisation(db, 'Rivals'), 'owner', 'Rex Rival')
  const developer = await addMember(db, world.organisationId, 'developer', 'Dev')
  expect((await refusalOf(reissueVersion(db, maker, rival, newVersion.id)))?.code).toBe('NOT_FOUND')
  expect((await refusalOf(reissueVersion(db, maker, developer, newVersion.id)))?.code).toBe('NOT_ALLOWED')
  expect((await refusalOf(again(oldVersion?.id ?? '')))?.code).toBe('ILLEGAL_MOVE')
  await db.updateTable('key').set({ enabled: false }).where('id', '=', keyId).execute()
  expect((await refusalOf(again(newVersion.id)))?.message).toContain('disabled')
  await db.updateTable('key').set({ enabled: true }).where('id', '=', keyId).execute()
})

describe(`${ROUNDS} times over, at the same moment`, () => {
  /** Runs one beside a re-issue; whatever came first, no rule is broken. */
  async function beside(
    other: (ref: string, versionId: string) => Promise<unknown>,
    refusals: readonly string[],
    newRef: () => Promise<string> = overlapping,
  ) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const ref = await newRef()
      const { keyId, newVersion } = await itemOf(ref)
      const { won, refused } = await race([() => again(newVersion.id), () => other(ref, newVersion.id)])
      expect(won).toBeGreaterThan(0)
      for (const code of refused) expect(refusals).toContain(code)
      await carryOutAll(db)
      expect(await acceptedOf(keyId)).toBeGreaterThan(0)
    }
    expect(await findViolations(db)).toEqual([])
  }

  test('of two re-issues one makes a key', async () => {
    const ref = await overlapping()
    await beside(
      (_, versionId) => again(versionId),
      ['ILLEGAL_MOVE'],
      async () => ref,
    )
  })
  test('a reveal shows the lost key before it is made anew, or nothing', async () => {
    const ref = await overlapping()
    const reveal = (_: string, id: string) => revealVersion(db, maker.sealer, world.owner, id)
    await beside(reveal, ['ALREADY_REVEALED', 'ILLEGAL_MOVE'], async () => ref)
  })
  test('going back deletes whichever is the new one', () =>
    beside((ref) => rollBack(db, world.owner, ref), ['ILLEGAL_MOVE']))
  test('more time moves the end of the old one', () =>
    beside((ref) => extendOverlap(db, world.owner, ref, { overlapEndsAt: new Date(Date.now() + 5 * DAY) }), []))
  test('the end of the overlap leaves one key', () =>
    beside(async (ref) => {
      await endOverlap(db, ref, 0)
      await carryOutAll(db)
    }, []))
  test('early revocation leaves one key', () =>
    beside((ref) => revokeEarly(db, world.owner, ref, {}), ['ILLEGAL_MOVE']))
})

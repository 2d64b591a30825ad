import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { beforeAll, describe, expect, test } from 'vitest'
import { stopInEmergency } from '../../src/desk/trouble/emergency-stop.ts'
import { carryOutRecoveryCase } from '../../src/identity/recovery/carry-out.ts'
import { confirmRecoveryCase, refuseRecoveryCase } from '../../src/identity/recovery/decide.ts'
import { openRecoveryCase } from '../../src/identity/recovery/open.ts'
import { setDelivery } from '../../src/keyring/delivery/set-delivery.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import type { PersonActor } from '../../src/rules/permissions.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { refusalOf } from '../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'
import { newService, openOverlap, read } from '../support/worlds/overlaps.ts'
import { VERIFIED } from '../support/worlds/people.ts'
import { race } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
const reason = 'The caller lost their laptop with the key and the code device.'
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

/** A verified case of somebody who lost their access, in the organisation of the world. */
async function openCase(organisationId = world.organisationId): Promise<string> {
  const person = await addMember(db, organisationId, 'developer', `Lost ${Math.random()}`)
  const wish = { kind: 'lost_access', organisationId, personId: person.personId, ...VERIFIED } as const
  return (await openRecoveryCase(db, world.agent, wish)).id
}

async function keysOf(serviceId: string): Promise<string[]> {
  const rows = await db.selectFrom('key').select('id').where('serviceId', '=', serviceId).orderBy('kind').execute()
  return rows.map(({ id }) => id)
}

async function versionsOf(keyId: string) {
  return db.selectFrom('version').selectAll().where('keyId', '=', keyId).orderBy('createdAt').execute()
}

function stop(id: string, keyIds: readonly string[], actor: PersonActor = world.agent) {
  return stopInEmergency(db, actor, id, { keyIds, reason })
}

describe('keys stopped within a recovery case', () => {
  test('stop at once with every version, reveal nothing, and everybody of the organisation is told why', async () => {
    const serviceId = await newService(db, world)
    const [keyId = '', other = ''] = await keysOf(serviceId)
    const id = await openCase()
    expect(await stop(id, [keyId])).toEqual({ keyIds: [keyId] })
    for (const version of await versionsOf(keyId)) {
      expect(version).toMatchObject({ revokedAt: expect.any(Date), sealed: null, ageFile: null })
    }
    expect((await versionsOf(other))[0]).toMatchObject({ revokedAt: null })
    const letters = db
      .selectFrom('letter')
      .select(['facts', 'toAddress'])
      .where('naturalKey', 'like', `notice/key_stopped/${id}/%`)
    const told = await letters.execute()
    const members = await db
      .selectFrom('membership')
      .select('personId')
      .where('organisationId', '=', world.organisationId)
      .execute()
    expect(new Set(told.map(({ toAddress }) => toAddress)).size).toBe(members.length)
    expect(told[0]?.facts).toMatchObject({
      who: 'Gus Agent',
      details: expect.arrayContaining([`Reason given: ${reason}`]),
    })
    expect(await findViolations(db)).toEqual([])
  })

  test('stay as they are when it is sent again, and nobody is told twice', async () => {
    const [keyId = ''] = await keysOf(await newService(db, world))
    const id = await openCase()
    await stop(id, [keyId])
    expect(await stop(id, [keyId, keyId])).toEqual({ keyIds: [] })
    expect(await db.selectFrom('emergencyStop').selectAll().where('recoveryCaseId', '=', id).execute()).toHaveLength(1)
  })

  test('end the overlaps they are in, both versions, and no encrypted secret is left', async () => {
    const serviceId = await newService(db, world)
    await setDelivery(db, world.owner, serviceId, await identityToRecipient(await generateX25519Identity()))
    const ref = await openOverlap(db, world, { serviceId })
    await stop(await openCase(), await keysOf(serviceId))
    const rotation = await read(db, ref)
    expect(rotation.status).toBe('completed')
    for (const { status, oldVersion, newVersion } of rotation.items) {
      expect(status).toBe('retired')
      expect([oldVersion?.accepted, newVersion?.accepted, newVersion?.ageFile]).toEqual([false, false, false])
    }
    expect(await findViolations(db)).toEqual([])
  })

  test('leave the other keys of an overlap alone', async () => {
    const serviceId = await newService(db, world)
    const ref = await openOverlap(db, world, { serviceId })
    const [keyId = ''] = await keysOf(serviceId)
    await stop(await openCase(), [keyId])
    const { status, items } = await read(db, ref)
    expect(status).toBe('overlap')
    expect(items.map((item) => [item.keyId === keyId, item.status]).toSorted()).toEqual([
      [false, 'overlap'],
      [true, 'retired'],
    ])
  })

  test('leave a request that has not begun where it is', async () => {
    const serviceId = await newService(db, world)
    const ref = await file(db, world.owner, serviceId)
    await stop(await openCase(), await keysOf(serviceId))
    expect((await read(db, ref)).status).toBe('submitted')
  })
})

describe('nobody stops keys', () => {
  test('of another organisation than the case’s', async () => {
    const rivals = await addOrganisation(db, `Rivals ${Math.random()}`)
    const { authKeyId } = await addService(db, world.admin, rivals, 'Theirs')
    const [own = ''] = await keysOf(await newService(db, world))
    expect((await refusalOf(stop(await openCase(), [own, authKeyId])))?.code).toBe('NOT_FOUND')
    expect((await versionsOf(own))[0]?.revokedAt).toBeNull()
  })

  test('in a case that is over, that nobody verified, or that is not there', async () => {
    const [keyId = ''] = await keysOf(await newService(db, world))
    const id = await openCase()
    await refuseRecoveryCase(db, world.admin, id, 'It was somebody else.')
    expect((await refusalOf(stop(id, [keyId])))?.code).toBe('ILLEGAL_MOVE')
    const requested = await openCase()
    await db.updateTable('recoveryCase').set({ status: 'requested' }).where('id', '=', requested).execute()
    expect((await refusalOf(stop(requested, [keyId])))?.code).toBe('ILLEGAL_MOVE')
    expect((await refusalOf(stop('rcv_unknown', [keyId])))?.code).toBe('NOT_FOUND')
  })

  test('as a customer, or on the customer’s side', async () => {
    const [keyId = ''] = await keysOf(await newService(db, world))
    const id = await openCase()
    expect((await refusalOf(stop(id, [keyId], world.owner)))?.code).toBe('NOT_ALLOWED')
    const createdAt = new Date()
    const membership = { personId: world.otherAgent.personId, organisationId: world.organisationId, createdAt }
    await db
      .insertInto('membership')
      .values({ ...membership, role: 'viewer' })
      .execute()
    expect((await refusalOf(stop(id, [keyId], world.otherAgent)))?.code).toBe('OWN_CASE')
    await db.deleteFrom('membership').where('personId', '=', world.otherAgent.personId).execute()
  })

  test('without a reason, or with a key in it', async () => {
    const serviceId = await newService(db, world)
    const [keyId = ''] = await keysOf(serviceId)
    const id = await openCase()
    const empty = stopInEmergency(db, world.agent, id, { keyIds: [keyId], reason: ' \n' })
    expect(await refusalOf(empty)).toMatchObject({ errors: [{ pointer: '/reason' }] })
    const { secret } = await revealVersion(db, maker.sealer, world.owner, (await versionsOf(keyId))[0]?.id ?? '')
    const leaking = stopInEmergency(db, world.agent, id, { keyIds: [keyId], reason: `It is ${secret}` })
    expect((await refusalOf(leaking))?.code).toBe('CONTAINS_SECRET')
  })
})

test('stopping keys gives nobody access any sooner: the case still cools off', async () => {
  const [keyId = ''] = await keysOf(await newService(db, world))
  const id = await openCase()
  await confirmRecoveryCase(db, world.otherAgent, id)
  await stop(id, [keyId])
  expect((await refusalOf(carryOutRecoveryCase(db, world.agent, id)))?.code).toBe('COOLING_OFF')
})

test('20 times over: a start, an objection or a second stop at the same moment leave no key of it working', async () => {
  for (let round = 0; round < 20; round += 1) {
    const serviceId = await newService(db, world)
    const [keyId = ''] = await keysOf(serviceId)
    const id = await openCase()
    const { won } = await race([
      () => stop(id, [keyId]),
      () => stop(id, [keyId], world.otherAgent),
      () => openOverlap(db, world, { items: [{ keyId }] }),
      ...(round % 2 === 0 ? [() => refuseRecoveryCase(db, world.admin, id, 'It was somebody else.')] : []),
    ])
    expect(won).toBeGreaterThan(0)
    await carryOutAll(db)
    const stopped = await db.selectFrom('emergencyStop').select('at').where('recoveryCaseId', '=', id).execute()
    const before = (await versionsOf(keyId)).filter(({ createdAt }) => stopped.some(({ at }) => createdAt <= at))
    expect(before.filter(({ revokedAt }) => revokedAt === null)).toEqual([])
  }
  expect(await findViolations(db)).toEqual([])
})

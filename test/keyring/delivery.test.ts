import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { beforeAll, describe, expect, test } from 'vitest'
import { findService } from '../../src/database/keys/services.ts'
import { findItemStates } from '../../src/database/letters/reminders.ts'
import { findWaitingForMember } from '../../src/database/letters/waiting.ts'
import { acknowledgeVersion, fetchSealed } from '../../src/keyring/delivery/sealed.ts'
import { setDelivery } from '../../src/keyring/delivery/set-delivery.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { hashKey } from '../../src/rules/keys/key-text.ts'
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
import { endOverlap, newService, openOverlap, read } from '../support/worlds/overlaps.ts'

const { db } = await openTestDatabase()
const identity = await generateX25519Identity()
const recipient = await identityToRecipient(identity)
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function open(file: Uint8Array): Promise<string> {
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return decrypter.decrypt(file, 'text')
}

/** A version that was made for a service whose keys are encrypted, by a rotation. */
async function sealedVersion(): Promise<{ ref: string; serviceId: string; versionId: string }> {
  const serviceId = await newService(db, world)
  await setDelivery(db, world.owner, serviceId, recipient)
  const ref = await openOverlap(db, world, { serviceId })
  return { ref, serviceId, versionId: (await read(db, ref)).items[0]?.newVersionId ?? '' }
}

async function rowOf(versionId: string) {
  return db.selectFrom('version').selectAll().where('id', '=', versionId).executeTakeFirstOrThrow()
}

async function noticesOf(notice: string): Promise<Record<string, unknown>[]> {
  const rows = await db.selectFrom('letter').select('facts').where('kind', '=', 'security-notice').execute()
  return rows.map(({ facts }) => facts).filter((facts) => facts.notice === notice)
}

async function actionsOf(versionId: string): Promise<string[]> {
  const rows = await db.selectFrom('auditEntry').select(['action', 'body']).orderBy('sequence').execute()
  return rows.filter(({ body }) => body.includes(versionId) && !body.includes('item.')).map(({ action }) => action)
}

describe('where new keys go', () => {
  test('is told to everybody who may view the keys, and recorded, once', async () => {
    const serviceId = await newService(db, world)
    const viewer = await addMember(db, world.organisationId, 'viewer', `Viewer ${serviceId.slice(-4)}`)
    const before = (await noticesOf('delivery_changed')).length
    await setDelivery(db, world.owner, serviceId, ` ${recipient}\n`)
    await setDelivery(db, world.owner, serviceId, recipient)
    expect((await findService(db, world.owner, serviceId))?.ageRecipient).toBe(recipient)
    const notices = (await noticesOf('delivery_changed')).slice(before)
    const { count } = await db
      .selectFrom('membership')
      .select((is) => is.fn.countAll<string>().as('count'))
      .where('organisationId', '=', viewer.organisationId ?? '')
      .executeTakeFirstOrThrow()
    expect(notices).toHaveLength(Number(count))
    expect(notices[0]).toMatchObject({ who: 'Ada Owner', about: expect.stringContaining(recipient) })
    expect(await actionsOf(serviceId)).toEqual(['service.create', 'service.set_delivery'])
  })

  test('is no text that age could not encrypt to', async () => {
    const serviceId = await newService(db, world)
    const point = 'age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq'
    const wrong = [
      '',
      'age1',
      `${recipient.slice(0, -1)}${recipient.endsWith('q') ? 'p' : 'q'}`,
      recipient.toUpperCase(),
      `${recipient} ${recipient}`,
      point.slice(0, 62),
      'age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqsjg9yj9',
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA',
    ]
    for (const text of wrong) {
      expect([text, (await refusalOf(setDelivery(db, world.owner, serviceId, text)))?.code]).toEqual([
        text,
        'RECIPIENT_REFUSED',
      ])
    }
    expect((await findService(db, world.owner, serviceId))?.ageRecipient).toBeNull()
  })

  test('is never the secret half, which is not repeated either', async () => {
    const serviceId = await newService(db, world)
    const refusal = await refusalOf(setDelivery(db, world.owner, serviceId, identity))
    expect(refusal).toMatchObject({ code: 'RECIPIENT_REFUSED', message: expect.stringContaining('secret half') })
    expect(refusal?.message).not.toContain(identity)
  })

  test('is for no developer, no other organisation and nobody on hold', async () => {
    const serviceId = await newService(db, world)
    const developer = await addMember(db, world.organisationId, 'developer', 'Dev')
    expect((await refusalOf(setDelivery(db, developer, serviceId, recipient)))?.code).toBe('NOT_ALLOWED')
    const rival = await addMember(db, await addOrganisation(db, 'Rivals'), 'owner', 'Rex Rival')
    expect((await refusalOf(setDelivery(db, rival, serviceId, recipient)))?.code).toBe('NOT_FOUND')
    const held = await addMember(db, world.organisationId, 'owner', 'Hal Held')
    const changed = db.updateTable('person').set({ passwordChangedAt: new Date() })
    await changed.where('id', '=', held.personId).execute()
    expect((await refusalOf(setDelivery(db, held, serviceId, recipient)))?.code).toBe('ON_HOLD')
    // an owner who changed lately would ask for a second approval of all that follows
    await db.deleteFrom('membership').where('personId', '=', held.personId).execute()
  })
})

describe('a key that is delivered sealed', () => {
  test('is kept as an age file and in no other way, until it is acknowledged', async () => {
    const { versionId } = await sealedVersion()
    expect(await rowOf(versionId)).toMatchObject({ sealed: null, sealedKeyId: null, ageRecipient: recipient })
    const first = await fetchSealed(db, world.owner, versionId)
    expect(await fetchSealed(db, world.owner, versionId)).toEqual(first)
    const secret = await open(first)
    expect(hashKey(secret)).toEqual((await rowOf(versionId)).hash)
    const receipt = await acknowledgeVersion(db, world.owner, versionId)
    expect(receipt).toMatchObject({ by: { name: 'Ada Owner' }, fingerprint: hashKey(secret).toString('hex') })
    expect(await acknowledgeVersion(db, world.owner, versionId)).toEqual(receipt)
    expect((await rowOf(versionId)).ageFile).toBeNull()
    expect((await refusalOf(fetchSealed(db, world.owner, versionId)))?.code).toBe('NOT_SEALED')
    expect(await actionsOf(versionId)).toEqual(['version.fetch_sealed', 'version.acknowledge'])
    expect(
      (await noticesOf('sealed_fetched')).filter(({ path }) => path === `/versions/${versionId}/sealed`),
    ).not.toEqual([])
    expect(await findViolations(db)).toEqual([])
  })

  test('is revealed to nobody, and acknowledged by nobody before somebody fetched it', async () => {
    const { versionId } = await sealedVersion()
    const reveal = revealVersion(db, maker.sealer, world.owner, versionId)
    expect(await refusalOf(reveal)).toMatchObject({
      code: 'ILLEGAL_MOVE',
      message: expect.stringContaining('age file'),
    })
    expect((await refusalOf(acknowledgeVersion(db, world.owner, versionId)))?.code).toBe('ILLEGAL_MOVE')
    expect((await rowOf(versionId)).ageFile).not.toBeNull()
  })

  test('is another organisation’s to nobody, and no developer’s', async () => {
    const { versionId } = await sealedVersion()
    const rival = await addMember(db, await addOrganisation(db, 'Rivals too'), 'owner', 'Rex Rival')
    const developer = await addMember(db, world.organisationId, 'developer', 'Dev')
    for (const verb of [fetchSealed, acknowledgeVersion]) {
      expect((await refusalOf(verb(db, rival, versionId)))?.code).toBe('NOT_FOUND')
      expect((await refusalOf(verb(db, developer, versionId)))?.code).toBe('NOT_ALLOWED')
    }
  })

  test('counts as picked up only once it was acknowledged, for pages, reminders and digests alike', async () => {
    const { ref, versionId } = await sealedVersion()
    async function pickedUp() {
      const item = db.selectFrom('item').selectAll().where('newVersionId', '=', versionId)
      const states = db.transaction().execute(async (trx) => findItemStates(trx, await item.execute()))
      const shown = (await read(db, ref)).items.find(({ newVersionId }) => newVersionId === versionId)
      return [shown?.newVersion?.pickedUp, (await states)[0]?.newIsPickedUp]
    }
    const waits = async () => {
      const found = db.transaction().execute((trx) => findWaitingForMember(trx, world.owner.personId, new Date()))
      return (await found).some((row) => row.ref === ref)
    }
    await fetchSealed(db, world.owner, versionId)
    expect([await pickedUp(), await waits()]).toEqual([[false, false], true])
    for (const { newVersionId } of (await read(db, ref)).items) {
      await fetchSealed(db, world.owner, newVersionId ?? '')
      await acknowledgeVersion(db, world.owner, newVersionId ?? '')
    }
    expect([await pickedUp(), await waits()]).toEqual([[true, true], false])
  })

  test('ends with its version', async () => {
    const { versionId } = await sealedVersion()
    await db.updateTable('version').set({ acceptedUntil: new Date() }).where('id', '=', versionId).execute()
    expect((await refusalOf(fetchSealed(db, world.owner, versionId)))?.code).toBe('ILLEGAL_MOVE')
    expect((await refusalOf(acknowledgeVersion(db, world.owner, versionId)))?.code).toBe('ILLEGAL_MOVE')
    await db.updateTable('version').set({ acceptedUntil: null }).where('id', '=', versionId).execute()
  })
})

test('what was made before stays as it is, and what is made after a service goes back to showing is shown', async () => {
  const { ref, serviceId, versionId } = await sealedVersion()
  const first = await rowOf((await read(db, ref)).items[0]?.oldVersionId ?? '')
  expect(first).toMatchObject({ ageFile: null, ageRecipient: null })
  await setDelivery(db, world.owner, serviceId, null)
  await fetchSealed(db, world.owner, versionId)
  await endOverlap(db, ref)
  await carryOutAll(db)
  const next = await openOverlap(db, world, { serviceId })
  const made = (await read(db, next)).items[0]?.newVersionId ?? ''
  expect(await rowOf(made)).toMatchObject({ ageFile: null, ageRecipient: null })
  expect((await revealVersion(db, maker.sealer, world.owner, made)).secret).toMatch(/^rk_/)
})

test('20 times over: once a change of delivery has answered, whatever is made is encrypted, also while keys are being made', async () => {
  for (let round = 0; round < 20; round += 1) {
    const serviceId = await newService(db, world)
    let answeredAt = new Date(8_640_000_000_000_000)
    const set = setDelivery(db, world.owner, serviceId, recipient).then(async () => {
      answeredAt = new Date()
    })
    const items = [{ serviceId, kinds: ['auth'] as const }]
    const [ref] = await Promise.all([openOverlap(db, world, { items }), set])
    for (const { newVersionId } of (await read(db, ref)).items) {
      const version = await rowOf(newVersionId ?? '')
      expect((version.sealed === null) !== (version.ageFile === null)).toBe(true)
      if (version.createdAt > answeredAt) expect(version.ageFile).not.toBeNull()
    }
  }
})

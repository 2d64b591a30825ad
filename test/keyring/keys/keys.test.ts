import { beforeAll, describe, expect, test } from 'vitest'
import { findDatasetNames, findDatasets } from '../../../src/database/keys/datasets.ts'
import { createKey } from '../../../src/keyring/keys/create.ts'
import { createDataset } from '../../../src/keyring/keys/create-dataset.ts'
import { editKey } from '../../../src/keyring/keys/edit.ts'
import { setKeyEnabled } from '../../../src/keyring/keys/switch.ts'
import { revealVersion } from '../../../src/keyring/reveal.ts'
import type { PersonActor } from '../../../src/rules/permissions.ts'
import { openTestDatabase } from '../../support/database.ts'
import { findViolations } from '../../support/invariants.ts'
import { outcome, refusalOf, tally } from '../../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  addService,
  carryOutAll,
  type DeskWorld,
  fileAndApprove,
  makeDeskWorld,
  maker,
} from '../../support/worlds/desk-world.ts'
import { eventsOf, newKey, noticesAbout, openKeyring, readKey, recordedOf } from '../../support/worlds/keys.ts'
import { read } from '../../support/worlds/overlaps.ts'

const database = await openTestDatabase()
const { db } = database
let world: DeskWorld
let stranger: PersonActor
let ask: Awaited<ReturnType<typeof openKeyring>>['ask']
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  await addMember(db, world.organisationId, 'viewer', 'Vic Viewer')
  stranger = await addMember(db, await addOrganisation(db, 'Globex'), 'owner', 'Eve Owner')
  ask = (await openKeyring(database, world)).ask
})

async function newServiceId(): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${count}`)).id
}

describe('a key that is made', () => {
  test('waits for its one reveal, and then does what it was made for and nothing more', async () => {
    const serviceId = await newServiceId()
    const limits = { ipRanges: ['203.0.113.0/24'], datasets: ['orders'], permission: 'read_only' as const }
    const { id, versionId, secret } = await newKey(db, world.owner, serviceId, limits)
    expect(await ask(secret)).toBe('IP_NOT_ALLOWED')
    expect(await ask(secret, { ip: '203.0.113.9' })).toBe('VALID')
    expect(await ask(secret, { ip: '203.0.113.9', permission: 'read_write' })).toBe('PERMISSION_DENIED')
    expect(await ask(secret, { ip: '203.0.113.9', dataset: 'people' })).toBe('DATASET_DENIED')
    expect(await ask(secret, { ip: '203.0.113.9', dataset: 'orders', permission: 'read_only' })).toBe('VALID')
    expect(await outcome(revealVersion(db, maker.sealer, world.owner, versionId))).toBe('ALREADY_REVEALED')
    expect(await readKey(db, id)).toMatchObject({
      name: 'Ledger',
      kind: 'auth',
      enabled: true,
      createdByName: 'Ada Owner',
    })
  })

  test('ends by itself when it was made to', async () => {
    const expiresAt = new Date(Date.now() + 86_400_000)
    const { id, secret } = await newKey(db, world.owner, await newServiceId(), { expiresAt })
    expect((await readKey(db, id)).expiresAt).toEqual(expiresAt)
    expect(await ask(secret)).toBe('VALID')
    await db.updateTable('version').set({ acceptedUntil: new Date() }).where('keyId', '=', id).execute()
    expect(await ask(secret)).toBe('EXPIRED')
  })

  test('works only after the cooldown of its service, and is picked up before', async () => {
    const serviceId = await newServiceId()
    await db.insertInto('servicePolicy').values({ serviceId, cooldownSeconds: 3_600 }).execute()
    const { id, secret } = await newKey(db, world.owner, serviceId, {})
    expect(await ask(secret)).toBe('NOT_YET_ACTIVE')
    await db.updateTable('version').set({ activeFrom: new Date() }).where('keyId', '=', id).execute()
    expect(await ask(secret)).toBe('VALID')
    const expiresAt = new Date(Date.now() + 3_500_000)
    const input = { kind: 'auth', name: 'Short', permission: 'read_only', expiresAt } as const
    expect(await outcome(createKey(db, maker, world.owner, serviceId, input))).toBe('COOLDOWN_TOO_LONG')
  })

  test('is told to everybody who may view it, to endpoints, and to the trail', async () => {
    const { id, versionId } = await newKey(db, world.owner, await newServiceId(), {
      name: 'Told',
      ipRanges: ['10.0.0.1'],
    })
    const about = expect.stringMatching(/^Auth key “Told” of Service \d+ \(live\)$/)
    const details = ['Permission: Read and write', 'May be used from: 10.0.0.1', 'Datasets: none']
    const letter = { notice: 'key_created', about, details }
    expect(await noticesAbout(db, `/keys/${id}`)).toEqual([
      { to: 'Ada Owner', ...letter },
      { to: 'Vic Viewer', ...letter },
    ])
    expect(await eventsOf(db, id)).toMatchObject([
      { type: 'key.created', data: { organisationId: world.organisationId, versionId } },
      { type: 'key.revealed', data: { versionId } },
    ])
    expect(await recordedOf(db, id)).toEqual(['key.create', 'version.reveal'])
  })

  test.each([
    ['name', { name: ' ' }],
    ['name', { name: 'a\u202eb' }],
    ['name', { name: `rk_auth_live_${'a'.repeat(38)}` }],
    ['description', { description: 'x'.repeat(501) }],
    ['description', { description: `it is rk_auth_live_${'a'.repeat(38)}` }],
    ['ipRanges', { ipRanges: ['10.0.0.0/7'] }],
    ['ipRanges', { ipRanges: ['localhost'] }],
    ['ipRanges', { ipRanges: Array.from({ length: 21 }, (_, i) => `10.0.0.${i}`) }],
    ['datasets', { datasets: ['good', ''] }],
    ['datasets', { datasets: Array.from({ length: 101 }, (_, i) => `d${i}`) }],
    ['expiresAt', { expiresAt: new Date(Date.now() - 1) }],
  ])('is refused for its %s when that is wrong: %j', async (field, given) => {
    const serviceId = await newServiceId()
    const refusal = await refusalOf(newKey(db, world.owner, serviceId, given))
    expect(refusal).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ pointer: `/${field}` }] })
    expect(await findDatasetNames(db, serviceId)).toEqual([])
  })

  test('is kept in one way of writing it, each range and dataset once', async () => {
    const given = {
      name: '  Cafe\u0301  one ',
      ipRanges: [' 2001:DB8:0:0::1', '10.1.2.3/8', '10.0.0.0/8', '::ffff:192.0.2.1', '::ffff:198.51.100.9/120'],
      datasets: ['Cafe\u0301', 'Café', 'b'],
    }
    const { id } = await newKey(db, world.owner, await newServiceId(), given)
    expect(await readKey(db, id)).toMatchObject({
      name: 'Café one',
      ipRanges: ['2001:db8::1', '10.0.0.0/8', '192.0.2.1', '198.51.100.0/24'],
      datasets: ['Café', 'b'],
    })
  })

  test('is another organisation’s business in no way', async () => {
    const { id } = await newKey(db, world.owner, await newServiceId())
    expect(await outcome(newKey(db, stranger, await newServiceId()))).toBe('NOT_FOUND')
    expect(await outcome(editKey(db, stranger, id, { name: 'Mine' }))).toBe('NOT_FOUND')
    expect(await outcome(setKeyEnabled(db, stranger, id, false))).toBe('NOT_FOUND')
    expect(await outcome(createDataset(db, maker, stranger, { serviceId: await newServiceId(), name: 'Mine' }))).toBe(
      'NOT_FOUND',
    )
    for (const actor of [world.agent, world.admin]) {
      expect(await outcome(editKey(db, actor, id, { name: 'Mine' }))).toBe('NOT_ALLOWED')
    }
    expect((await readKey(db, id)).name).toBe('Ledger')
  })
})

describe('the policy’s numbers of keys', () => {
  const whole = { kind: 'auth', name: 'More', permission: 'read_only' } as const

  test('hold for a service, however many are made at once', async () => {
    for (let round = 0; round < 10; round++) {
      const serviceId = await newServiceId()
      await db.insertInto('servicePolicy').values({ serviceId, keysPerService: 5 }).execute()
      const owners = await Promise.all(
        [1, 2].map((n) => addMember(db, world.organisationId, 'owner', `Maker ${round} ${n}`)),
      )
      const makers = [...owners, ...owners, ...owners]
      const counts = await tally(makers.map((owner) => createKey(db, maker, owner, serviceId, whole)))
      expect(counts).toEqual({ done: 3, TOO_MANY_KEYS: 3 })
    }
  })

  test('hold for a person over all services, however many they make at once, and what was deleted counts no more', async () => {
    const { keysPerPerson } = await db
      .updateTable('policy')
      .set({ keysPerPerson: 4 })
      .returning('keysPerPerson')
      .executeTakeFirstOrThrow()
    expect(keysPerPerson).toBe(4)
    const owner = await addMember(db, world.organisationId, 'owner', 'Busy Maker')
    const services = [await newServiceId(), await newServiceId()]
    const tries = Array.from({ length: 8 }, (_, i) => createKey(db, maker, owner, services[i % 2] ?? '', whole))
    expect(await tally(tries)).toEqual({ done: 4, TOO_MANY_KEYS: 4 })
    const refusal = await refusalOf(createDataset(db, maker, owner, { serviceId: services[0] ?? '', name: 'no room' }))
    expect([refusal.code, refusal.message]).toEqual(['TOO_MANY_KEYS', expect.stringContaining('4 keys')])
    expect(await findDatasetNames(db, services[0] ?? '')).toEqual([])
    await db
      .updateTable('key')
      .set({ deletedAt: new Date() })
      .where('createdBy', '=', owner.personId)
      .where('serviceId', '=', services[0] ?? '')
      .execute()
    expect(await outcome(createKey(db, maker, owner, services[1] ?? '', whole))).toBe('done')
    await db.updateTable('policy').set({ keysPerPerson: 100_000 }).execute()
  })
})

describe('a key that is edited', () => {
  test('is other from the answer on, for the old and the new version of an overlap alike', async () => {
    const serviceId = await newServiceId()
    const { id, secret } = await newKey(db, world.owner, serviceId, { datasets: ['orders'] })
    const ref = await fileAndApprove(db, world, serviceId, { items: [{ keyId: id }] })
    await carryOutAll(db)
    const newVersionId = (await read(db, ref)).items[0]?.newVersionId ?? ''
    const fresh = (await revealVersion(db, maker.sealer, world.owner, newVersionId)).secret
    await editKey(db, world.owner, id, { permission: 'read_only', ipRanges: ['192.0.2.1'] })
    for (const each of [secret, fresh]) {
      expect(await ask(each)).toBe('IP_NOT_ALLOWED')
      expect(await ask(each, { ip: '192.0.2.1', permission: 'read_write' })).toBe('PERMISSION_DENIED')
      expect(await ask(each, { ip: '192.0.2.1', dataset: 'orders' })).toBe('VALID')
    }
    expect((await read(db, ref)).status).toBe('overlap')
  })

  test('tells everybody what changed, from what to what', async () => {
    const { id } = await newKey(db, world.owner, await newServiceId(), { name: 'Before' })
    await editKey(db, world.owner, id, { name: 'After', description: 'Line one\nline two', datasets: ['orders'] })
    const letters = (await noticesAbout(db, `/keys/${id}`)).filter(({ notice }) => notice === 'key_edited')
    expect(letters.map(({ to }) => to)).toEqual(expect.arrayContaining(['Ada Owner', 'Vic Viewer']))
    expect(letters[0]?.details).toEqual([
      'Name: After (before: Before)',
      'Description: Line one line two (before: none)',
      'Datasets: orders (before: none)',
    ])
    expect((await eventsOf(db, id)).at(-1)).toMatchObject({
      type: 'key.edited',
      data: { fields: ['name', 'description', 'datasets'] },
    })
    expect(JSON.stringify((await eventsOf(db, id)).at(-1))).not.toContain('After')
  })

  test('to what it is already changes, records and mails nothing', async () => {
    const { id } = await newKey(db, world.owner, await newServiceId(), { ipRanges: ['10.0.0.1', '10.0.0.2'] })
    const before = await recordedOf(db, id)
    const letters = await noticesAbout(db, `/keys/${id}`)
    await editKey(db, world.owner, id, { name: 'Ledger', ipRanges: ['10.0.0.2', '10.0.0.1'] })
    await editKey(db, world.owner, id, {})
    expect(await recordedOf(db, id)).toEqual(before)
    expect(await noticesAbout(db, `/keys/${id}`)).toEqual(letters)
  })

  test('by two at the same moment keeps what each of them changed', async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await newKey(db, world.owner, world.service.id)
      await Promise.all([
        editKey(db, world.owner, id, { name: 'Renamed' }),
        editKey(db, world.owner, id, { ipRanges: ['10.0.0.1'] }),
      ])
      expect(await readKey(db, id)).toMatchObject({ name: 'Renamed', ipRanges: ['10.0.0.1'] })
      await db.updateTable('key').set({ deletedAt: new Date() }).where('id', '=', id).execute()
    }
  })
})

describe('a key that is disabled', () => {
  test('is refused from the answer on and accepted again when it is enabled, each told once', async () => {
    const { id, secret } = await newKey(db, world.owner, await newServiceId())
    for (const [enabled, code] of [
      [false, 'DISABLED'],
      [true, 'VALID'],
    ] as const) {
      await setKeyEnabled(db, world.owner, id, enabled)
      await setKeyEnabled(db, world.owner, id, enabled)
      expect(await ask(secret)).toBe(code)
    }
    expect((await recordedOf(db, id)).slice(-2)).toEqual(['key.disable', 'key.enable'])
    expect((await eventsOf(db, id)).slice(-2).map(({ type }) => type)).toEqual(['key.disabled', 'key.enabled'])
    const notices = (await noticesAbout(db, `/keys/${id}`)).filter(({ to }) => to === 'Vic Viewer')
    expect(notices.map(({ notice }) => notice).toSorted()).toEqual(['key_created', 'key_disabled', 'key_enabled'])
  })
})

describe('a dataset', () => {
  test('that is made comes with a key of its own, which may be used for it alone', async () => {
    const serviceId = await newServiceId()
    const made = await createDataset(db, maker, world.owner, { serviceId, name: 'Orders 2026' })
    const key = await readKey(db, made.keyId)
    expect(key).toMatchObject({
      name: 'Orders 2026',
      kind: 'auth',
      permission: 'read_write',
      datasets: ['Orders 2026'],
    })
    const { secret } = await revealVersion(db, maker.sealer, world.owner, key.versions[0]?.id ?? '')
    expect(await ask(secret, { dataset: 'Orders 2026' })).toBe('VALID')
    expect(await ask(secret, { dataset: 'Orders 2025' })).toBe('DATASET_DENIED')
    expect((await noticesAbout(db, `/keys/${made.keyId}`)).map(({ notice }) => notice)).toContain('dataset_created')
  })

  test('is made once under a name, also by several at the same moment', async () => {
    for (let round = 0; round < 10; round++) {
      const serviceId = await newServiceId()
      const tries = [1, 2, 3].map(() => createDataset(db, maker, world.owner, { serviceId, name: 'One' }))
      expect(await tally(tries)).toEqual({ done: 1, NAME_TAKEN: 2 })
      expect((await findDatasets(db, world.owner, { serviceId, limit: 10 })).items).toMatchObject([
        { name: 'One', keyIds: [expect.any(String)] },
      ])
    }
  })

  test('is known as soon as a key is given it, and a key may have any number', async () => {
    const serviceId = await newServiceId()
    const { id } = await newKey(db, world.owner, serviceId, { datasets: ['b', 'a'] })
    const second = await newKey(db, world.owner, serviceId, { name: 'Second' })
    await Promise.all([
      editKey(db, world.owner, second.id, { datasets: ['a', 'c', 'd'] }),
      editKey(db, world.owner, id, { datasets: ['d', 'c', 'b'] }),
    ])
    expect(await findDatasetNames(db, serviceId)).toEqual(['a', 'b', 'c', 'd'])
    const { items } = await findDatasets(db, world.owner, { serviceId, limit: 10 })
    expect(items.find(({ name }) => name === 'c')?.keyIds).toEqual([id, second.id])
    expect((await findDatasets(db, stranger, { serviceId, limit: 10 })).items).toEqual([])
    expect(await outcome(createDataset(db, maker, world.owner, { serviceId, name: 'c' }))).toBe('NAME_TAKEN')
  })
})

test('rolling a key keeps its identity, so that everything tied to it stays', async () => {
  const serviceId = await newServiceId()
  const tied = { name: 'Tied', ipRanges: ['10.0.0.0/8'], datasets: ['orders'], description: 'Kept' }
  const { id, secret } = await newKey(db, world.owner, serviceId, tied)
  const ref = await fileAndApprove(db, world, serviceId, {
    items: [{ keyId: id }],
    overlapSeconds: 0,
    reason: 'compromised',
  })
  await carryOutAll(db)
  const newVersionId = (await read(db, ref)).items[0]?.newVersionId ?? ''
  const fresh = (await revealVersion(db, maker.sealer, world.owner, newVersionId)).secret
  expect(await readKey(db, id)).toMatchObject({ id, ...tied })
  expect(await ask(secret, { ip: '10.0.0.1' })).toBe('EXPIRED')
  expect(await ask(fresh, { ip: '10.0.0.1', dataset: 'orders' })).toBe('VALID')
  expect(await ask(fresh, { ip: '11.0.0.1', dataset: 'orders' })).toBe('IP_NOT_ALLOWED')
})

test('after all of this every invariant holds', async () => {
  expect(await findViolations(db)).toEqual([])
})

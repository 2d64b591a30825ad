import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { carryOutNextDue } from '../../src/desk/carry-out.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { deleteKey } from '../../src/desk/trouble/delete-key.ts'
import { removeService } from '../../src/desk/trouble/remove-service.ts'
import { createKey } from '../../src/keyring/keys/create.ts'
import { setKeyEnabled } from '../../src/keyring/keys/switch.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { outcome, refusalOf } from '../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'
import { eventsOf, newKey, noticesAbout, openKeyring, recordedOf } from '../support/worlds/keys.ts'
import { DAY, read } from '../support/worlds/overlaps.ts'

const database = await openTestDatabase()
const { db } = database
let world: DeskWorld
let ask: Awaited<ReturnType<typeof openKeyring>>['ask']
let serviceId: string
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  await db.updateTable('policy').set({ keysPerService: 10_000, keysPerPerson: 10_000 }).execute()
  ask = (await openKeyring(database, world)).ask
  serviceId = (await addService(db, world.admin, world.organisationId, 'Deletions')).id
})

async function newOne() {
  count += 1
  const name = `Key ${count}`
  return { name, ...(await newKey(db, world.owner, serviceId, { name })) }
}

const remove = (key: { id: string; name: string }) =>
  deleteKey(db, world.owner, { keyId: key.id, confirmName: key.name })

async function secretsLeft(keyId: string) {
  const versions = await db.selectFrom('version').select(['sealed', 'ageFile']).where('keyId', '=', keyId).execute()
  return versions.filter(({ sealed, ageFile }) => sealed !== null || ageFile !== null).length
}

test('a deleted key is refused from the answer on, every version of it, and nothing of it is left to be picked up', async () => {
  const key = await newOne()
  const ref = await fileAndApprove(db, world, serviceId, { items: [{ keyId: key.id }] })
  await carryOutAll(db)
  const newVersionId = (await read(db, ref)).items[0]?.newVersionId ?? ''
  const ageFile = { sealed: null, sealedKeyId: null, ageFile: Buffer.from('age'), ageRecipient: 'age1x' }
  await db.updateTable('version').set(ageFile).where('id', '=', key.versionId).execute()
  expect(await secretsLeft(key.id)).toBe(2)
  const stopped = await remove(key)
  expect(stopped).toMatchObject({ refs: [ref], dependants: [] })
  expect(stopped.versions.map(({ id }) => id).toSorted()).toEqual([key.versionId, newVersionId].toSorted())
  expect(await ask(key.secret)).toBe('REVOKED')
  expect(await secretsLeft(key.id)).toBe(0)
  expect(await outcome(revealVersion(db, maker.sealer, world.owner, newVersionId))).not.toBe('done')
  expect(await read(db, ref)).toMatchObject({ status: 'closed', decisionReason: 'The key was deleted.' })
})

test('what depends on it is named: in the answer, and in everybody’s letter', async () => {
  const key = await newOne()
  const things = [
    { id: 'dep_wallet', type: 'virtual_account', name: 'Wallet 7', removedAt: null },
    { id: 'dep_gone', type: 'kms', name: 'Gone', removedAt: new Date() },
  ] as const
  const by = { organisationId: world.organisationId, createdBy: world.owner.personId, createdAt: new Date() }
  for (const thing of things) {
    await db
      .insertInto('dependant')
      .values({ ...thing, ...by, keyId: key.id, exactKey: false })
      .execute()
  }
  expect((await remove(key)).dependants).toMatchObject([
    { id: 'dep_wallet', type: 'virtual_account', name: 'Wallet 7' },
  ])
  const letters = await noticesAbout(db, `/services/${serviceId}`)
  const mine = letters.find(({ about }) => String(about).includes(`“${key.name}”`))
  expect(mine).toMatchObject({ notice: 'key_deleted', about: `Auth key “${key.name}” of Deletions (live)` })
  expect(mine?.details).toEqual([
    `The version that ends in ${key.secret.slice(-4)} is refused`,
    'Wallet 7 (Virtual account) stops',
  ])
  expect((await eventsOf(db, key.id)).at(-1)?.type).toBe('key.deleted')
  expect((await recordedOf(db, key.id)).at(-1)).toBe('key.delete')
})

test('a rotation that waits leaves the key out, one that has more to do goes on, and one with nothing left is closed', async () => {
  const [gone, stays] = [await newOne(), await newOne()]
  const notBefore = new Date(Date.now() + DAY)
  const both = await fileAndApprove(db, world, '', { items: [{ keyId: gone.id }, { keyId: stays.id }], notBefore })
  await remove(gone)
  const rotation = await read(db, both)
  expect(rotation.status).toBe('scheduled')
  expect(rotation.items.map(({ status, problem }) => [status, problem])).toEqual([
    ['skipped', 'The key was deleted.'],
    ['pending', null],
  ])
  await remove(stays)
  expect((await read(db, both)).status).toBe('closed')
  const running = [await newOne(), await newOne()] as const
  const overlapping = await fileAndApprove(db, world, '', { items: running.map(({ id }) => ({ keyId: id })) })
  await carryOutAll(db)
  await remove(running[0])
  expect((await read(db, overlapping)).items.map(({ status }) => status)).toEqual(['retired', 'overlap'])
  expect(await ask(running[1].secret)).toBe('VALID')
})

test('a disabled key in overlap is deleted like any other', async () => {
  const key = await newOne()
  const ref = await fileAndApprove(db, world, '', { items: [{ keyId: key.id }] })
  await carryOutAll(db)
  await setKeyEnabled(db, world.owner, key.id, false)
  expect(await outcome(remove(key))).toBe('done')
  expect((await read(db, ref)).status).toBe('closed')
  expect(await ask(key.secret)).toBe('REVOKED')
})

test('it takes the name, typed as it is, and an owner of the organisation', async () => {
  const key = await newOne()
  for (const confirmName of ['', 'key', key.name.toUpperCase(), `${key.name}.`]) {
    const refusal = await refusalOf(deleteKey(db, world.owner, { keyId: key.id, confirmName }))
    expect(refusal).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ pointer: '/confirmName' }] })
  }
  const stranger = await addMember(db, await addOrganisation(db, 'Globex'), 'owner', 'Eve Owner')
  const deletion = { keyId: key.id, confirmName: key.name }
  expect(await outcome(deleteKey(db, stranger, deletion))).toBe('NOT_FOUND')
  expect(await outcome(deleteKey(db, world.agent, deletion))).toBe('NOT_ALLOWED')
  expect(await ask(key.secret)).toBe('VALID')
  expect(await outcome(deleteKey(db, world.owner, deletion))).toBe('done')
  expect(await outcome(deleteKey(db, world.owner, deletion))).toBe('NOT_FOUND')
  expect(await outcome(file(db, world.owner, '', { items: [{ keyId: key.id }] }))).toBe('NOT_FOUND')
})

test('two deletions, a filing, a start, an end or a switch at the same moment leave no live item and no accepted version behind', async () => {
  for (let round = 0; round < 20; round++) {
    const key = await newOne()
    const items = [{ keyId: key.id }]
    const filed =
      round % 2 === 0 ? await file(db, world.owner, '', { items }) : await fileAndApprove(db, world, '', { items })
    if (round % 4 === 3) await carryOutAll(db)
    const others = [
      () => approveRotation(db, world.agent, filed, { revision: 1 }),
      () => carryOutNextDue(db, maker),
      () => setKeyEnabled(db, world.owner, key.id, false),
      () => revokeEarly(db, world.owner, filed, {}),
    ]
    const other = others[round % 4] ?? (() => Promise.resolve())
    const [first, second] = await Promise.all([outcome(remove(key)), outcome(remove(key)), outcome(other())])
    expect([first, second].toSorted()).toEqual(['NOT_FOUND', 'done'])
    await carryOutAll(db)
    expect(await ask(key.secret)).toBe('REVOKED')
  }
  for (let round = 0; round < 20; round++) {
    const key = await newOne()
    const filing = file(db, world.owner, '', { items: [{ keyId: key.id }] })
    const [removed, filed] = await Promise.all([outcome(remove(key)), outcome(filing)])
    expect([removed, ['done', 'NOT_FOUND', 'NO_KEYS'].includes(filed)]).toEqual(['done', true])
  }
  const live = await sql`select i.id from item i join key k on k.id = i.key_id
    where k.deleted_at is not null and i.status in ('pending', 'overlap', 'failed')`.execute(db)
  expect(live.rows).toEqual([])
})

test('a key that is made while its service is removed is either not made or gone with it', async () => {
  for (let round = 0; round < 20; round++) {
    const name = `Going ${round}`
    const { id } = await addService(db, world.admin, world.organisationId, name)
    const key = { kind: 'auth', name: 'Late', permission: 'read_only' } as const
    const making = createKey(db, maker, world.owner, id, key)
    const [removed, made] = await Promise.all([
      outcome(removeService(db, world.owner, { serviceId: id, confirmName: name })),
      outcome(making),
    ])
    expect([removed, ['done', 'NOT_FOUND'].includes(made)]).toEqual(['done', true])
    const left = await sql`select v.id from version v join key k on k.id = v.key_id
      where k.service_id = ${id} and (k.deleted_at is null or v.sealed is not null or v.revoked_at is null)`.execute(db)
    expect(left.rows).toEqual([])
  }
})

test('after all of this every invariant holds', async () => {
  expect(await findViolations(db)).toEqual([])
})

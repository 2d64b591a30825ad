import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { findService } from '../../src/database/keys/services.ts'
import { addRefusedUses, mergeNetworks } from '../../src/database/watch/merge.ts'
import { findSuspicions } from '../../src/database/watch/suspicions.ts'
import { dismissSuspicion } from '../../src/keyring/watch/dismiss.ts'
import { forgetNextUse } from '../../src/keyring/watch/forget.ts'
import { weighNextUse } from '../../src/keyring/watch/weigh.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import {
  addMember,
  addOrganisation,
  addService,
  carryOutAll,
  type DeskWorld,
  fileAndApprove,
  makeDeskWorld,
} from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
const DAY = 86_400_000
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

const ago = (milliseconds: number) => new Date(Date.now() - milliseconds)
const minuteAgo = (minutes: number) => new Date(Math.floor(Date.now() / 60_000 - minutes) * 60_000)

/** A key of an organisation of its own, so that no other test's letters count, made a hundred days ago. */
async function oldKey() {
  count += 1
  const organisationId = await addOrganisation(db, `Watched ${count}`)
  const owner = await addMember(db, organisationId, 'owner', `Ona ${count}`)
  const { id, authKeyId } = await addService(db, world.admin, organisationId, 'Payments')
  await db
    .updateTable('key')
    .set({ createdAt: ago(100 * DAY) })
    .where('id', '=', authKeyId)
    .execute()
  const view = await findService(db, owner, id)
  const versionId = view?.keys.find((key) => key.id === authKeyId)?.versions[0]?.id ?? ''
  return { owner, organisationId, keyId: authKeyId, versionId }
}
type Watched = Awaited<ReturnType<typeof oldKey>>

const used = ({ versionId }: Watched, network: string, days = 0) =>
  mergeNetworks(db, [{ versionId, network, firstUsedAt: ago(days * DAY), lastUsedAt: ago(0) }])
const refused = ({ versionId }: Watched, code: string, times: number, more: { network?: string; minute?: Date } = {}) =>
  addRefusedUses(db, [{ versionId, code, count: times, network: '198.51.100.0/24', minute: minuteAgo(0), ...more }])

async function weighAll(): Promise<void> {
  while (await weighNextUse(db));
}

const raisedFor = async ({ owner }: Watched) => (await findSuspicions(db, owner, { open: true, limit: 100 })).items
const lettersTo = async ({ organisationId }: Watched) => {
  const members = db.selectFrom('membership').select('personId').where('organisationId', '=', organisationId)
  const [owner] = await members.execute()
  const letters = db.selectFrom('letter').select(['facts', 'naturalKey']).where('kind', '=', 'security-notice')
  return letters.where('naturalKey', 'like', `notice/suspicious_use/%/${owner?.personId}`).execute()
}

test('a network that a key was never used from is raised, told to the owners, and not the ones it is known from', async () => {
  const key = await oldKey()
  await used(key, '192.0.2.0/24', 30)
  await weighAll()
  expect(await raisedFor(key)).toEqual([])
  await used(key, '203.0.113.0/24')
  await used(key, '192.0.2.0/24')
  await weighAll()
  await used(key, '203.0.113.0/24')
  await weighAll()
  const [raised, ...others] = await raisedFor(key)
  expect(others).toEqual([])
  expect(raised).toMatchObject({ kind: 'new_network', network: '203.0.113.0/24', keyId: key.keyId, count: 1 })
  const letters = await lettersTo(key)
  expect(letters).toHaveLength(1)
  expect(letters[0]?.facts).toMatchObject({
    notice: 'suspicious_use',
    about: 'Auth key of Payments (live): used from the new network 203.0.113.0/24',
    path: `/suspicions/${raised?.id}`,
    who: null,
  })
})

test('in the first week of what is known of a key no network is odd, and neither is one known from an older version', async () => {
  const key = await oldKey()
  await used(key, '192.0.2.0/24', 6)
  await weighAll()
  await used(key, '203.0.113.0/24')
  await weighAll()
  expect(await raisedFor(key)).toEqual([])

  const { id, authKeyId } = await addService(db, world.admin, world.organisationId, 'Rotated')
  const longAgo = ago(100 * DAY)
  await db.updateTable('key').set({ createdAt: longAgo }).where('id', '=', authKeyId).execute()
  await fileAndApprove(db, world, id, { items: [{ keyId: authKeyId }] })
  await carryOutAll(db)
  const versions = await db.selectFrom('version').select('id').where('keyId', '=', authKeyId).orderBy('id').execute()
  const [old, next] = versions.map((version) => ({ ...key, owner: world.owner, versionId: version.id }))
  if (old === undefined || next === undefined) throw new Error('no new version was made')
  await used(old, '192.0.2.0/24', 30)
  await weighAll()
  await used(next, '192.0.2.0/24')
  await weighAll()
  expect(await raisedFor(old)).toEqual([])
  await used(next, '203.0.113.0/24')
  await weighAll()
  expect(await raisedFor(old)).toMatchObject([{ versionId: next.versionId }])
})

test('use of a retired version is raised at once, and what goes on of it is counted exactly', async () => {
  const key = await oldKey()
  await refused(key, 'EXPIRED', 1)
  await weighAll()
  expect(await raisedFor(key)).toMatchObject([{ kind: 'retired_use', count: 1, network: '198.51.100.0/24' }])
  await refused(key, 'EXPIRED', 4)
  await weighAll()
  await weighAll()
  expect(await raisedFor(key)).toMatchObject([{ count: 5 }])
  expect(await lettersTo(key)).toHaveLength(1)
})

test('an old key that is still used right after its rotation is open, and not taken for answered by that rotation', async () => {
  const { id, authKeyId } = await addService(db, world.admin, world.organisationId, 'Just rotated')
  await fileAndApprove(db, world, id, { items: [{ keyId: authKeyId }] })
  await carryOutAll(db)
  const version = db.selectFrom('version').select('id').where('keyId', '=', authKeyId).orderBy('id')
  const { id: versionId } = await version.executeTakeFirstOrThrow()
  const key = { owner: world.owner, organisationId: world.organisationId, keyId: authKeyId, versionId }
  await refused(key, 'REVOKED', 1)
  await weighAll()
  const open = (await raisedFor(key)).filter(({ keyId }) => keyId === authKeyId)
  expect(open).toMatchObject([{ kind: 'retired_use', rotationRef: null }])
})

test('twenty refusals within ten minutes are a burst, fewer or slower ones are not', async () => {
  const key = await oldKey()
  await refused(key, 'IP_NOT_ALLOWED', 15, { minute: minuteAgo(30) })
  await refused(key, 'PERMISSION_DENIED', 10, { minute: minuteAgo(9) })
  await refused(key, 'IP_NOT_ALLOWED', 9)
  await weighAll()
  expect(await raisedFor(key)).toEqual([])
  await refused(key, 'DISABLED', 1, { network: '' })
  await weighAll()
  expect(await raisedFor(key)).toMatchObject([{ kind: 'refusals' }])
  expect(await lettersTo(key)).toHaveLength(1)
})

test('a scan with a retired key from everywhere raises little and sends one letter', async () => {
  const key = await oldKey()
  for (let i = 0; i < 40; i += 1) {
    await refused(key, 'REVOKED', 3, { network: `198.51.${i}.0/24` })
    if (i % 10 === 0) await weighAll()
  }
  await weighAll()
  const raised = await raisedFor(key)
  expect(raised).toHaveLength(5)
  expect(raised.reduce((sum, { count }) => sum + count, 0)).toBe(120)
  expect(await lettersTo(key)).toHaveLength(1)
})

test('several workers raise the same thing once, with one letter and one entry', async () => {
  for (let round = 0; round < 20; round += 1) {
    const key = await oldKey()
    await refused(key, 'EXPIRED', 2)
    await Promise.all(Array.from({ length: 4 }, () => weighNextUse(db)))
    await refused(key, 'EXPIRED', 1)
    await Promise.all(Array.from({ length: 4 }, () => weighNextUse(db)))
    await weighAll()
    expect(await raisedFor(key)).toMatchObject([{ count: 3 }])
    expect(await lettersTo(key)).toHaveLength(1)
    const entries = db.selectFrom('auditEntry').select('sequence').where('chain', '=', key.organisationId)
    expect(await entries.where('action', '=', 'suspicion.raise').execute()).toHaveLength(1)
  }
  expect(await findViolations(db)).toEqual([])
})

test('the recorder and the worker never wait for one another in a circle', async () => {
  const key = await oldKey()
  const write = () => Promise.all([used(key, '192.0.2.0/24'), refused(key, 'EXPIRED', 1)])
  for (let round = 0; round < 20; round += 1) await Promise.all([write(), weighNextUse(db), write(), weighNextUse(db)])
  await weighAll()
  expect(await raisedFor(key)).toMatchObject([{ kind: 'retired_use', count: 40 }])
})

test('what an owner dismissed is gone from the list and stays so; nobody else can dismiss it', async () => {
  const key = await oldKey()
  await refused(key, 'EXPIRED', 1)
  await weighAll()
  const [raised] = await raisedFor(key)
  const id = raised?.id ?? ''
  await expect(dismissSuspicion(db, world.owner, id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(dismissSuspicion(db, world.agent, id)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  await Promise.all([dismissSuspicion(db, key.owner, id), dismissSuspicion(db, key.owner, id)])
  await refused(key, 'EXPIRED', 7)
  await weighAll()
  expect(await raisedFor(key)).toEqual([])
  const all = await findSuspicions(db, key.owner, { open: false, limit: 10 })
  expect(all.items).toMatchObject([{ count: 1, dismissedBy: { id: key.owner.personId } }])
  const entries = db.selectFrom('auditEntry').select('sequence').where('chain', '=', key.organisationId)
  expect(await entries.where('action', '=', 'suspicion.dismiss').execute()).toHaveLength(1)
})

test('a key whose use can not be weighed is put off, and holds up no other', async () => {
  const [broken, sound] = [await oldKey(), await oldKey()]
  const refuse = sql.lit(broken.keyId)
  await sql`alter table suspicion add constraint broken check (key_id <> ${refuse})`.execute(db)
  await refused(broken, 'EXPIRED', 1)
  await refused(sound, 'EXPIRED', 1)
  const tries: string[] = []
  const weighOnce = () => weighNextUse(db).catch(() => tries.push('failed') > 0)
  while (tries.length < 3 && (await weighOnce()));
  expect(tries).toEqual(['failed'])
  expect(await raisedFor(sound)).toHaveLength(1)

  await sql`alter table suspicion drop constraint broken`.execute(db)
  expect(await raisedFor(broken)).toEqual([])
  await db
    .updateTable('key')
    .set({ weighAfter: ago(0) })
    .where('id', '=', broken.keyId)
    .execute()
  await weighAll()
  expect(await raisedFor(broken)).toHaveLength(1)
})

test('networks and refusals older than 90 days are forgotten, batch by batch, and newer ones kept', async () => {
  const key = await oldKey()
  const networks = Array.from({ length: 600 }, (_, i) => {
    const at = ago(91 * DAY)
    return { versionId: key.versionId, network: `10.${i >> 8}.${i & 255}.0/24`, firstUsedAt: at, lastUsedAt: at }
  })
  await mergeNetworks(db, networks)
  await used(key, '192.0.2.0/24', 89)
  await refused(key, 'DISABLED', 1, { minute: ago(91 * DAY) })
  await refused(key, 'DISABLED', 1, { minute: ago(89 * DAY) })
  expect(await forgetNextUse(db)).toBe(true)
  while (await forgetNextUse(db));
  const left = db.selectFrom('versionNetwork').select('network').where('versionId', '=', key.versionId)
  expect(await left.execute()).toEqual([{ network: '192.0.2.0/24' }])
  expect(
    await db.selectFrom('refusedUse').select('count').where('versionId', '=', key.versionId).execute(),
  ).toHaveLength(1)
})

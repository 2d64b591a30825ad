import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { findService } from '../../src/database/keys/services.ts'
import { findRotation } from '../../src/database/rotations/views.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { createGateway, revokeGateway } from '../../src/keyring/gateways.ts'
import { setKeyEnabled } from '../../src/keyring/keys/switch.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { verifyKey } from '../../src/keyring/verify.ts'
import { startUseRecorder } from '../../src/keyring/watch/record-use.ts'
import { createLog } from '../../src/log.ts'
import { hashKey } from '../../src/rules/keys/key-text.ts'
import { createSealer } from '../../src/secrets/sealing.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  addMember,
  addOrganisation,
  addService,
  carryOutAll,
  type DeskWorld,
  fileAndApprove,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'

const { db, pool } = await openTestDatabase()
const verifier = { pool, prefix: 'rk', recordUse: () => {} }
let world: DeskWorld
let gateway: { id: string; token: string }
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  gateway = await createGateway(db, world.admin, { name: 'Everywhere' })
})

const ask = (key: string, demand = {}) => verifyKey(verifier, gateway.token, { key, ...demand })

/** A service with the secrets of its first versions, revealed as a customer would. */
async function newService() {
  count += 1
  const service = await addService(db, world.admin, world.organisationId, `Verified ${count}`)
  const view = await findService(db, world.owner, service.id)
  const secretOf = async (kind: string) => {
    const version = view?.keys.find((key) => key.kind === kind)?.versions[0]
    return (await revealVersion(db, maker.sealer, world.owner, version?.id ?? '')).secret
  }
  return { ...service, auth: await secretOf('auth'), adminKey: await secretOf('admin') }
}

async function rotate(serviceId: string, overlapSeconds = 86_400) {
  const ref = await fileAndApprove(db, world, serviceId, { overlapSeconds })
  await carryOutAll(db)
  const rotation = await findRotation(db, world.owner, ref)
  const item = rotation?.items.find((one) => one.kind === 'auth')
  const { secret } = await revealVersion(db, maker.sealer, world.owner, item?.newVersionId ?? '')
  return { ref, secret, item }
}

test('a good key answers with what the gateway needs to know', async () => {
  const service = await newService()
  expect(await ask(service.auth)).toMatchObject({
    valid: true,
    code: 'VALID',
    keyId: service.authKeyId,
    serviceId: service.id,
    organisationId: world.organisationId,
    kind: 'auth',
    environment: 'live',
    permission: 'read_write',
    datasets: [],
    expiresAt: null,
    rotation: null,
    headers: null,
  })
  expect(await ask(service.adminKey)).toMatchObject({ valid: true, kind: 'admin', permission: 'admin' })
})

test('during the overlap both versions are good, and the old one says when it stops', async () => {
  const service = await newService()
  const { ref, secret, item } = await rotate(service.id)
  const retiresAt = item?.overlapEndsAt
  const old = await ask(service.auth)
  expect(old).toMatchObject({
    valid: true,
    rotation: { role: 'old', ref, retiresAt, successorVersionId: item?.newVersionId },
  })
  expect(old.headers).toEqual({
    Deprecation: `@${Math.floor(Number(item?.generatedAt) / 1000)}`,
    Sunset: retiresAt?.toUTCString(),
  })
  expect(await ask(secret)).toMatchObject({ valid: true, rotation: { role: 'new', ref }, headers: null })
})

test('after an early revocation was answered the old version is REVOKED, before any bookkeeping', async () => {
  const service = await newService()
  const { ref, secret } = await rotate(service.id)
  await revokeEarly(db, world.owner, ref, {})
  expect(await ask(service.auth)).toMatchObject({ valid: false, code: 'REVOKED' })
  expect(await ask(secret)).toMatchObject({ valid: true, code: 'VALID' })
})

test('the old version is EXPIRED from the end of its overlap on, with no worker alive', async () => {
  const service = await newService()
  const { secret } = await rotate(service.id, 1)
  const end = performance.now() + 5_000
  let code = (await ask(service.auth)).code
  expect(code).toBe('VALID')
  while (code === 'VALID' && performance.now() < end) {
    await sleep(20)
    code = (await ask(service.auth)).code
  }
  expect(code).toBe('EXPIRED')
  expect(await ask(secret)).toMatchObject({ valid: true, rotation: null })
})

test('a disabled key answers DISABLED with all its versions, and is good again when enabled', async () => {
  const service = await newService()
  const { secret } = await rotate(service.id)
  await setKeyEnabled(db, world.owner, service.authKeyId, false)
  expect((await ask(service.auth)).code).toBe('DISABLED')
  expect((await ask(secret)).code).toBe('DISABLED')
  await setKeyEnabled(db, world.owner, service.authKeyId, true)
  expect((await ask(secret)).code).toBe('VALID')
})

test("what is no key of the desk, or of another gateway's service, is NOT_FOUND and tells nothing", async () => {
  const service = await newService()
  const bound = await createGateway(db, world.admin, { name: 'Elsewhere', serviceIds: [world.service.id] })
  const nothing = { valid: false, code: 'NOT_FOUND', keyId: null, organisationId: null }
  expect(await verifyKey(verifier, bound.token, { key: service.auth })).toMatchObject(nothing)
  expect(await ask('something-imported')).toMatchObject(nothing)
  expect(await ask(`${service.auth.slice(0, -1)}${service.auth.endsWith('0') ? '1' : '0'}`)).toMatchObject(nothing)
})

test('text that cannot be a key is not looked up, other text is', async () => {
  const service = await newService()
  const store = (text: string) =>
    db
      .updateTable('version')
      .set({ hash: hashKey(text) })
      .where('keyId', '=', service.authKeyId)
      .execute()
  for (const text of [`rk_auth_live_${'a'.repeat(38)}`, 'x'.repeat(257), 'rk_', `rk_${'é'.repeat(40)}`]) {
    await store(text)
    expect((await ask(text)).code).toBe('NOT_FOUND')
  }
  await store('sk-imported.key')
  expect((await ask('sk-imported.key')).code).toBe('VALID')
})

test("only a live gateway's token may ask", async () => {
  const { auth } = await newService()
  const ended = await createGateway(db, world.admin, { name: 'Ended' })
  await revokeGateway(db, world.admin, ended.id)
  for (const token of [ended.token, 'rkg_wrong', '', gateway.id]) {
    await expect(verifyKey(verifier, token, { key: auth })).rejects.toMatchObject({ code: 'NOT_AUTHENTICATED' })
  }
  await expect(revokeGateway(db, world.admin, ended.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('uses are written in bulk and the last one wins', async () => {
  const service = await newService()
  const recorder = startUseRecorder(db, createLog('error'))
  const recording = { ...verifier, recordUse: recorder.record }
  const { versionId } = await verifyKey(recording, gateway.token, { key: service.auth, ip: '192.0.2.1' })
  await verifyKey(recording, gateway.token, { key: service.auth, ip: '203.0.113.7' })
  await recorder.stop()
  const row = await db
    .selectFrom('versionUse')
    .selectAll()
    .where('versionId', '=', versionId ?? '')
    .executeTakeFirst()
  expect(row?.lastNetwork).toBe('203.0.113.7')
  expect(Number(row?.lastUsedAt)).toBeGreaterThanOrEqual(Number(row?.firstUsedAt))
})

test('a secret is shown once, to an owner or a developer whom the owner allowed, and to nobody of another organisation', async () => {
  const { authKeyId } = await addService(db, world.admin, world.organisationId, 'Revealed')
  const version = await db.selectFrom('version').selectAll().where('keyId', '=', authKeyId).executeTakeFirstOrThrow()
  const reveal = (actor = world.owner) => revealVersion(db, maker.sealer, actor, version.id)
  const stranger = await addMember(db, await addOrganisation(db, 'Globex'), 'owner', 'Eve Owner')
  const developer = await addMember(db, world.organisationId, 'developer', 'Dev Eloper')
  const viewer = await addMember(db, world.organisationId, 'viewer', 'Vi Ewer')
  await expect(reveal(stranger)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(reveal(developer)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  await expect(reveal(viewer)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  const otherKey = createSealer(Buffer.alloc(32, 8))
  const lost = revealVersion(db, otherKey, world.owner, version.id)
  await expect(lost).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' })
  await db.updateTable('membership').set({ mayReveal: true }).where('personId', '=', developer.personId).execute()
  const { secret } = await reveal(developer)
  expect((await ask(secret)).keyId).toBe(authKeyId)
  await expect(reveal()).rejects.toMatchObject({ code: 'ALREADY_REVEALED' })
  const after = await db.selectFrom('version').selectAll().where('id', '=', version.id).executeTakeFirstOrThrow()
  expect(after).toMatchObject({ sealed: null, sealedKeyId: null, revealedBy: developer.personId })
})

test('a ciphertext moved to another row does not open', async () => {
  const one = await addService(db, world.admin, world.organisationId, 'Swapped one')
  const other = await addService(db, world.admin, world.organisationId, 'Swapped other')
  const read = (keyId: string) =>
    db.selectFrom('version').selectAll().where('keyId', '=', keyId).executeTakeFirstOrThrow()
  const [mine, theirs] = [await read(one.authKeyId), await read(other.authKeyId)]
  await db.updateTable('version').set({ sealed: theirs.sealed }).where('id', '=', mine.id).execute()
  const swapped = revealVersion(db, maker.sealer, world.owner, mine.id)
  await expect(swapped).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' })
})

import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { findService } from '../../src/database/keys/services.ts'
import { createGateway } from '../../src/keyring/gateways.ts'
import { setKeyEnabled } from '../../src/keyring/keys/switch.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { verifyKey } from '../../src/keyring/verify.ts'
import { gather, nothingGathered, type Seen, sizeOf } from '../../src/keyring/watch/gathered.ts'
import { startUseRecorder } from '../../src/keyring/watch/record-use.ts'
import { createLog } from '../../src/log.ts'
import { openTestDatabase } from '../support/database.ts'
import { addService, type DeskWorld, makeDeskWorld, maker } from '../support/worlds/desk-world.ts'

const { db, pool } = await openTestDatabase()
const log = createLog('fatal')
let world: DeskWorld
let gateway: { token: string }
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  gateway = await createGateway(db, world.admin, { name: 'Everywhere' })
})

async function newKey() {
  count += 1
  const { id, authKeyId } = await addService(db, world.admin, world.organisationId, `Used ${count}`)
  const view = await findService(db, world.owner, id)
  const versionId = view?.keys.find((key) => key.id === authKeyId)?.versions[0]?.id ?? ''
  return { keyId: authKeyId, versionId, secret: (await revealVersion(db, maker.sealer, world.owner, versionId)).secret }
}

const networksOf = (versionId: string) =>
  db.selectFrom('versionNetwork').selectAll().where('versionId', '=', versionId).orderBy('network').execute()
const refusedOf = (versionId: string) =>
  db.selectFrom('refusedUse').selectAll().where('versionId', '=', versionId).orderBy('code').execute()

test('a use leaves its network and the permission that was asked for, a refused one only its count', async () => {
  const { keyId, versionId, secret } = await newKey()
  const recorder = startUseRecorder(db, log)
  const verifier = { pool, prefix: 'rk', recordUse: recorder.record }
  const ask = (demand: object) => verifyKey(verifier, gateway.token, { key: secret, ...demand })
  await ask({ ip: '192.0.2.1', permission: 'read_only' })
  await ask({ ip: '::ffff:192.0.2.200' })
  await ask({ ip: '2001:db8:1:2:3::4', permission: 'read_only' })
  await ask({})
  await ask({ ip: '198.51.100.1', permission: 'admin' })
  await setKeyEnabled(db, world.owner, keyId, false)
  await ask({ ip: '198.51.100.1' })
  await ask({ ip: '198.51.100.2' })
  await ask({})
  await recorder.stop()

  const networks = await networksOf(versionId)
  expect(networks.map(({ network }) => network)).toEqual(['192.0.2.0/24', '2001:db8:1:2::/64'])
  const permissions = db.selectFrom('permissionUse').select('permission').where('keyId', '=', keyId)
  expect(await permissions.execute()).toEqual([{ permission: 'read_only' }])
  const refused = await refusedOf(versionId)
  const counts = new Map(refused.map((row) => [`${row.code} ${row.network}`, row.count]))
  expect(Object.fromEntries(counts)).toEqual({
    'PERMISSION_DENIED 198.51.100.0/24': 1,
    'DISABLED 198.51.100.0/24': 2,
    'DISABLED ': 1,
  })
  expect(refused.every(({ minute }) => minute.getTime() % 60_000 === 0)).toBe(true)
})

test('of a rotated key the uses of the retired version are counted too', async () => {
  const { versionId, secret } = await newKey()
  const past = new Date(Date.now() - 1_000)
  await db.updateTable('version').set({ acceptedUntil: past }).where('id', '=', versionId).execute()
  const recorder = startUseRecorder(db, log)
  await verifyKey({ pool, prefix: 'rk', recordUse: recorder.record }, gateway.token, { key: secret, ip: '192.0.2.1' })
  await recorder.stop()
  expect(await refusedOf(versionId)).toMatchObject([{ code: 'EXPIRED', network: '192.0.2.0/24', count: 1 }])
  expect(await networksOf(versionId)).toEqual([])
})

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, second))
const valid = (ids: { keyId: string; versionId: string }, second: number): Seen => {
  return { ...ids, code: 'VALID', at: at(second), ip: '192.0.2.1', permission: 'read_write' }
}
const denied = (ids: { keyId: string; versionId: string }, second: number, ip: string): Seen => {
  return { ...ids, code: 'IP_NOT_ALLOWED', at: at(second), ip, permission: null }
}

test('nodes that write late, twice or in another order leave the first and the last time right, and every refusal counted', async () => {
  const { versionId, keyId } = await newKey()
  const ids = { versionId, keyId }
  for (const seconds of [[30, 40], [10, 20], [25], [10, 40]]) {
    const recorder = startUseRecorder(db, log)
    for (const second of seconds) recorder.record(valid(ids, second))
    recorder.record(denied(ids, 5, '198.51.100.1'))
    await recorder.stop()
  }
  const times = { firstUsedAt: at(10), lastUsedAt: at(40) }
  expect(await networksOf(versionId)).toMatchObject([times])
  expect(await db.selectFrom('versionUse').selectAll().where('versionId', '=', versionId).execute()).toMatchObject([
    times,
  ])
  const permission = db.selectFrom('permissionUse').select('lastUsedAt').where('keyId', '=', keyId)
  expect(await permission.execute()).toEqual([{ lastUsedAt: at(40) }])
  expect(await refusedOf(versionId)).toMatchObject([{ count: 4, minute: at(0) }])
})

test('many nodes that write the same rows at the same moment lose nothing and wait for one another', async () => {
  const keys = [await newKey(), await newKey(), await newKey()]
  const recorders = Array.from({ length: 8 }, () => startUseRecorder(db, log))
  for (const [i, recorder] of recorders.entries()) {
    for (const key of i % 2 === 0 ? keys : keys.toReversed()) {
      recorder.record(valid(key, i))
      recorder.record(denied(key, i, '198.51.100.1'))
    }
  }
  await Promise.all(recorders.map(({ stop }) => stop()))
  for (const { versionId } of keys) {
    expect(await networksOf(versionId)).toMatchObject([{ firstUsedAt: at(0), lastUsedAt: at(7) }])
    expect(await refusedOf(versionId)).toMatchObject([{ count: 8 }])
  }
})

test('what could not be written is kept and written later, refusals counted once', async () => {
  const ids = await newKey()
  const recorder = startUseRecorder(db, log)
  await sql`alter table refused_use rename to away`.execute(db)
  recorder.record(valid(ids, 1))
  recorder.record(denied(ids, 1, '198.51.100.1'))
  await sleep(1_300)
  expect(await networksOf(ids.versionId)).toEqual([])
  await sql`alter table away rename to refused_use`.execute(db)
  recorder.record(valid(ids, 2))
  recorder.record(denied(ids, 2, '198.51.100.1'))
  await recorder.stop()
  expect(await networksOf(ids.versionId)).toMatchObject([{ firstUsedAt: at(1), lastUsedAt: at(2) }])
  expect(await refusedOf(ids.versionId)).toMatchObject([{ count: 2 }])
})

test('the memory stays bounded, whatever the gateways send, and refusals are counted even then', () => {
  const gathered = nothingGathered()
  for (let i = 0; i < 110_000; i += 1) {
    const ip = `${10 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.1`
    gather(gathered, { ...valid({ keyId: 'key_1', versionId: 'ver_1' }, 0), ip })
    gather(gathered, denied({ keyId: 'key_1', versionId: 'ver_1' }, 0, ip))
  }
  expect(sizeOf(gathered)).toBeLessThan(103_000)
  expect([...gathered.refused.values()].reduce((sum, row) => sum + row.count, 0)).toBe(110_000)
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { findService } from '../../../src/database/keys/services.ts'
import { mergeNetworks } from '../../../src/database/watch/merge.ts'
import { createGateway } from '../../../src/keyring/gateways.ts'
import { verifyKey } from '../../../src/keyring/verify.ts'
import { startUseRecorder } from '../../../src/keyring/watch/record-use.ts'
import { openMail } from '../../../src/outbox/deliver.ts'
import { startWorker } from '../../../src/worker/loop.ts'
import { expectAccessible, openAs, openVisitor, typeCode, type Visitor } from '../../support/browser.ts'
import { openTestDatabase } from '../../support/database.ts'
import { startMailServer } from '../../support/smtp.ts'
import { openDesk } from '../../support/web.ts'
import { until } from '../../support/workers.ts'
import { type ApiWorld, makeApiWorld, type Place } from '../../support/worlds/api-world.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = desk.desk
const mails = await startMailServer()
const DAY = 86_400_000
let world: ApiWorld
let owner: Visitor
let recorder: ReturnType<typeof startUseRecorder>
let gatewayToken: string
/** The service that the procedure is walked with, and one that it must leave alone. */
let place: Place
let untouched: { place: Place; secret: string }

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { maker, log } = desk.desk
  gatewayToken = (await createGateway(db, world.people.admin.actor, { name: 'edge' })).token
  recorder = startUseRecorder(db, log)
  const letters = { publicUrl: desk.url, mailFrom: 'desk@rekey.example', mailReplyTo: undefined, smtpUrl: mails.url }
  const worker = startWorker({ db, maker, mail: openMail(letters), log })
  afterAll(async () => {
    await recorder.stop()
    await worker.stop()
  })
  owner = await openAs(desk, world.people.owner)
  place = await world.addService('Ledger')
  const other = await world.addService('Left alone')
  untouched = { place: other, secret: await pickUp(`/services/${other.serviceId}/new-keys`, 'Auth key') }
}, 120_000)

/** What a gateway is told, with the recorder of uses in its place. */
async function ask(key: string, demand: { ip?: string; permission?: 'read_only' | 'read_write' } = {}) {
  const verifier = { pool: database.pool, prefix: 'rk', recordUse: recorder.record }
  return (await verifyKey(verifier, gatewayToken, { key, ...demand })).code
}

async function pickUp(path: string, kindWord: string): Promise<string> {
  const { page } = owner
  await owner.open(path)
  await typeCode(desk, owner, world.people.owner)
  await page.getByRole('button', { name: 'Show key' }).filter({ hasText: kindWord }).first().click()
  const secret = (await page.locator('#secret').textContent()) ?? ''
  await page.getByRole('link', { name: 'I have stored it' }).click()
  return secret
}

async function setPolicy(changes: object): Promise<void> {
  const changed = await world.clients.admin.confirmed('PATCH', '/v1/policy', { body: changes })
  expect(changed.status, changed.text).toBe(200)
}

const mailTo = (address: string, part: string) =>
  mails.to(address).find((mail) => (mail.parsed.text ?? '').replaceAll(/\s+/g, ' ').includes(part))?.parsed.text ?? ''

async function mailed(address: string, part: string): Promise<string> {
  await until(`a letter that says “${part}”`, async () => mailTo(address, part) !== '', 20)
  return mailTo(address, part)
}

const pathIn = (letter: string, pattern: RegExp) => pattern.exec(letter)?.[0] ?? ''

async function addKey(name: string): Promise<void> {
  await owner.open(`/services/${place.serviceId}/keys/new`)
  await owner.page.getByLabel('Auth key: for ordinary calls').check()
  await owner.fill({ Name: name })
  await owner.page.getByLabel('Read only').check()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Add the key')
}

describe('the article on API key reset protocols', () => {
  let secret: string
  let keyId: string

  test('strong random keys, made with the least that they need, and asked for a code', async () => {
    await db.deleteFrom('stepUp').execute()
    await owner.open(`/services/${place.serviceId}/keys/new`)
    await owner.page.getByLabel('Auth key: for ordinary calls').check()
    await owner.fill({ Name: 'Nightly export' })
    await owner.page.getByLabel('Read only').check()
    await owner.press('Add the key')
    await owner.page.getByRole('alert').getByText('Enter the 6 digits').waitFor()
    await typeCode(desk, owner, world.people.owner)
    await owner.press('Add the key')
    const made = () => db.selectFrom('key').select('id').where('name', '=', 'Nightly export').executeTakeFirst()
    await until('the key', async () => (await made()) !== undefined)
    keyId = (await made())?.id ?? ''
    secret = await pickUp(`/services/${place.serviceId}/new-keys`, 'Nightly export')
    expect(secret).toMatch(/^rk_auth_live_[0-9A-Za-z]{38}$/)
    expect(secret).not.toBe(untouched.secret)
    expect(await ask(secret, { permission: 'read_only' })).toBe('VALID')
    expect(await ask(secret, { permission: 'read_write' })).toBe('PERMISSION_DENIED')
  })

  test('an old key can never be looked up again, by page or by API', async () => {
    for (const path of [`/services/${place.serviceId}/new-keys`, `/keys/${keyId}`, '/services', '/audit']) {
      await owner.open(path)
      expect(await owner.page.content()).not.toContain(secret)
    }
    const service = await findService(db, world.people.owner.actor, place.serviceId)
    const versionId = service?.keys.find(({ id }) => id === keyId)?.versions[0]?.id
    const again = await world.clients.owner.confirmed('POST', `/v1/versions/${versionId}/reveal`)
    expect([again.status, again.text.includes('ALREADY_REVEALED')]).toEqual([410, true])
  })

  test('the number of keys is capped by the policy', async () => {
    await setPolicy({ keysPerService: 3 })
    await addKey('One too many')
    await owner.page.getByText('The policy allows this service 3 keys').first().waitFor()
    await setPolicy({ keysPerService: 50 })
    expect(await db.selectFrom('key').select('id').where('name', '=', 'One too many').execute()).toEqual([])
  })

  test('use is watched: a network that is new is shown, mailed, and answered with one click', async () => {
    const version = db.selectFrom('version').select('id').where('keyId', '=', keyId)
    const { id: versionId } = await version.executeTakeFirstOrThrow()
    // As if it had been in use for a month.
    const longAgo = new Date(Date.now() - 30 * DAY)
    await db.updateTable('key').set({ createdAt: longAgo }).where('id', '=', keyId).execute()
    const used = { firstUsedAt: longAgo, lastUsedAt: longAgo }
    await mergeNetworks(db, [{ versionId, network: '192.0.2.0/24', ...used }])
    const looked = db.selectFrom('versionNetwork').select('network').where('lookedAt', 'is', null)
    await until('the worker’s look', async () => (await looked.execute()).length === 0)
    expect(await ask(secret, { ip: '203.0.113.7', permission: 'read_only' })).toBe('VALID')
    const letter = await mailed(world.people.owner.email, 'new network 203.0.113.0/24')
    await owner.open(pathIn(letter, /\/suspicions\/sus_\w+/))
    await expectAccessible(owner)
    await owner.page.getByRole('link', { name: 'Request a rotation' }).click()
    expect(await owner.page.getByLabel('A key may have been seen by others').isChecked()).toBe(true)
    expect(await owner.page.locator(`input[value="${keyId}"]`).isChecked()).toBe(true)
    await owner.open(`/keys/${keyId}`)
    await owner.page.getByText('203.0.113.0/24').first().waitFor()
  })

  test('permissions are reviewed: evaluated, lowered, and revoked where unused', async () => {
    const auth = await pickUp(`/services/${place.serviceId}/new-keys`, 'Auth key')
    expect(await ask(auth, { permission: 'read_only' })).toBe('VALID')
    const old = new Date(Date.now() - 40 * DAY)
    const admin = db.selectFrom('key').select('id').where('serviceId', '=', place.serviceId).where('kind', '=', 'admin')
    const { id: adminKeyId } = await admin.executeTakeFirstOrThrow()
    await db.updateTable('key').set({ createdAt: old }).where('id', '=', adminKeyId).execute()
    const told = db.selectFrom('permissionUse').select('keyId').where('keyId', '=', place.authKeyId)
    await until('the use', async () => (await told.execute()).length > 0)
    await owner.open('/permission-review')
    await owner.page.getByText('May do more than it did').first().waitFor()
    await owner.page.locator(`#decision-${place.authKeyId}`).selectOption('read_only')
    await owner.page.locator(`#decision-${adminKeyId}`).selectOption('disable')
    await typeCode(desk, owner, world.people.owner)
    await owner.press('Carry out and record this review')
    await owner.page.getByText('The review is recorded').waitFor()
    await expectAccessible(owner)
    expect(await ask(auth, { permission: 'read_write' })).toBe('PERMISSION_DENIED')
    const disabled = await db.selectFrom('key').select('enabled').where('id', '=', adminKeyId).executeTakeFirst()
    expect(disabled).toEqual({ enabled: false })
    await mailed(world.people.owner.email, 'Admin key of Ledger (live): disabled')
  })

  test('a reset by API waits a day before the new key works, and the old one works until then', async () => {
    await setPolicy({ cooldownSeconds: 86_400 })
    const body = { items: [{ keyId }], reason: 'suspected', overlapSeconds: 7 * 86_400 }
    const filed = await world.clients.owner.confirmed('POST', '/v1/rotations', { body })
    const { ref } = z.object({ ref: z.string() }).parse(filed.json)
    await setPolicy({ cooldownSeconds: 0 })
    const agent = await openAs(desk, world.people.agent)
    await agent.open(`/rotations/${ref}`)
    await typeCode(desk, agent, world.people.agent)
    await agent.press('Approve')
    const status = () => db.selectFrom('rotation').select('status').where('ref', '=', ref).executeTakeFirst()
    await until('the new key', async () => (await status())?.status === 'overlap')
    await owner.open(`/keys/${keyId}`)
    await owner.page.getByText('Works from').first().waitFor()
    const next = await pickUp(`/rotations/${ref}/new-keys`, 'Nightly export')
    expect(await ask(next, { permission: 'read_only' })).toBe('NOT_YET_ACTIVE')
    expect(await ask(secret, { permission: 'read_only' })).toBe('VALID')
    const past = new Date(Date.now() - 1_000)
    await db.updateTable('version').set({ activeFrom: past }).where('activeFrom', '>', new Date()).execute()
    expect(await ask(next, { permission: 'read_only' })).toBe('VALID')
  })

  test('a reset by schedule: a key of 60 days is filed for its owner by the desk', async () => {
    const aged = await world.addService('Aged')
    const old = new Date(Date.now() - 61 * DAY)
    const keys = db.selectFrom('key').select('id').where('serviceId', '=', aged.serviceId)
    await db.updateTable('version').set({ createdAt: old, activeFrom: old }).where('keyId', 'in', keys).execute()
    await setPolicy({ fileAgeSeconds: 60 * 86_400 })
    await db
      .updateTable('organisation')
      .set({ agesDueAt: new Date(0) })
      .execute()
    const filed = () => db.selectFrom('rotation').select('ref').where('trigger', '=', 'age').executeTakeFirst()
    await until('the rotation for its age', async () => (await filed()) !== undefined, 20)
    await setPolicy({ fileAgeSeconds: null })
    await owner.open(`/rotations/${(await filed())?.ref}`)
    await owner.page.getByText('Scheduled rotation').first().waitFor()
  })

  test('resets are limited, and go by an emailed link', async () => {
    await setPolicy({ resetsPerHour: 1 })
    const { email } = world.people.developer
    const visitor = await openVisitor(desk)
    const reset = async () => {
      await visitor.open('/forgot-password')
      await visitor.fill({ 'Email address': email })
      await visitor.press('Send the link')
    }
    await reset()
    await visitor.page.getByText('Look into your mailbox').waitFor()
    const letter = await mailed(email, '/reset-password/')
    await reset()
    await visitor.page.getByText('Too many calls').first().waitFor()
    await visitor.open(pathIn(letter, /\/reset-password\/[\w-]+/))
    await visitor.page.getByRole('heading', { name: 'new password' }).waitFor()
    await setPolicy({ resetsPerHour: 5 })
  })

  test('who lost their access gets a challenge and an emailed link, and then support', async () => {
    const { email } = world.people.viewer
    const visitor = await openVisitor(desk)
    await visitor.open('/lost-access')
    await visitor.page.waitForSelector('altcha-widget [data-state="verified"]', { timeout: 60_000 })
    await visitor.fill({ 'Email address': email, 'Name of your organisation (optional)': 'Acme' })
    await visitor.press('Send me the link')
    await visitor.page.waitForURL('**/lost-access/sent')
    await visitor.open(pathIn(await mailed(email, '/lost-access/'), /\/lost-access\/[\w-]+/))
    await visitor.page.locator('main form button[type=submit]').click()
    await visitor.page.getByRole('heading', { name: 'What happens next' }).waitFor()
    const agent = await openAs(desk, world.people.agent)
    await agent.open('/desk/recovery')
    await agent.page.getByText('Requested').first().waitFor()
    expect([...visitor.complaints, ...agent.complaints]).toEqual([])
  })

  test('nothing else of the account was affected', async () => {
    expect(await ask(untouched.secret, { permission: 'read_write' })).toBe('VALID')
    const members = db.selectFrom('membership').select('personId').where('organisationId', '=', place.organisationId)
    expect(await members.execute()).toHaveLength(3)
    await owner.open('/account')
    await owner.page.getByRole('heading', { name: 'Your account' }).waitFor()
    const left = await findService(db, world.people.owner.actor, untouched.place.serviceId)
    expect(left?.keys.map(({ enabled, permission, rotationRef }) => [enabled, permission, rotationRef])).toEqual([
      [true, 'read_write', null],
      [true, 'admin', null],
    ])
    expect(owner.complaints).toEqual([])
    const everything = mails.received.map((mail) => mail.raw).join() + desk.logged.join()
    for (const key of [secret, untouched.secret]) expect(everything).not.toContain(key)
  })
})

import { beforeAll, expect, test } from 'vitest'
import { findService } from '../../../src/database/keys/services.ts'
import { createGateway } from '../../../src/keyring/gateways.ts'
import { revealVersion } from '../../../src/keyring/reveal.ts'
import { createService } from '../../../src/keyring/services.ts'
import { expectAccessible, LOOKS, openAs, typeCode, type Visitor } from '../../support/browser.ts'
import { openTestDatabase } from '../../support/database.ts'
import { openDesk, sealer } from '../../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../../support/worlds/api-world.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = desk.desk
let world: ApiWorld
let owner: Visitor
let gatewayToken: string

beforeAll(async () => {
  world = await makeApiWorld(desk)
  owner = await openAs(desk, world.people.owner)
  gatewayToken = (await createGateway(db, world.people.admin.actor, { name: 'edge' })).token
})

/** A service whose owners roll its keys themselves, with the secret of its Auth key. */
async function addSelfService(name: string, environment: 'live' | 'sandbox') {
  const actor = world.people.owner.actor
  const { id } = await createService(db, desk.desk.maker, actor, { name, environment })
  await db
    .insertInto('servicePolicy')
    .values({ serviceId: id, selfService: true })
    .onConflict((conflict) => conflict.column('serviceId').doUpdateSet({ selfService: true }))
    .execute()
  const key = (await findService(db, actor, id))?.keys.find(({ kind }) => kind === 'auth')
  const { secret } = await revealVersion(db, sealer, actor, key?.versions[0]?.id ?? '')
  return { id, keyId: key?.id ?? '', secret }
}

const codeOf = async (secret: string) => (await desk.desk.verify(gatewayToken, { key: secret })).code

/** As if the last code had been given long ago. */
async function forgetStepUps(): Promise<void> {
  await db.deleteFrom('stepUp').execute()
  await db.updateTable('session').set({ codeAt: null }).execute()
}

async function lettersOf(ref: string, kind: string): Promise<{ toName: string; facts: unknown }[]> {
  const rows = db.selectFrom('letter').select(['toName', 'facts']).where('thread', '=', ref).where('kind', '=', kind)
  return (await rows.execute()).toSorted((a, b) => a.toName.localeCompare(b.toName))
}

function refIn({ page }: Visitor): string {
  return /ROT-\d+/.exec(page.url())?.[0] ?? ''
}

const EVERYBODY = ['Ada Owner', 'Dev', 'Vic']

test('rotating API keys, as Rapyd has it: choose when the old key dies, confirm, and go back while it lives', async () => {
  const { page } = owner
  const service = await addSelfService('Payouts', 'sandbox')
  await forgetStepUps()
  // Sandbox or production is told apart, where the key is chosen and where it is rolled.
  await owner.open(`/keys/${service.keyId}`)
  await page.getByRole('link', { name: 'Roll', exact: true }).first().click()
  await expect.poll(() => page.getByRole('heading', { level: 1 }).innerText()).toMatch(/Roll Auth key\s+sandbox/i)
  // From now to seven days, and more.
  for (const choice of ['Not at all: stop them at once', '1 hour', '1 day', '7 days', '30 days']) {
    await page.getByLabel(choice, { exact: true }).check()
  }
  expect(await page.getByLabel('Until I have the new one, 24 hours at most').count()).toBe(1)
  await expectAccessible(owner, LOOKS)
  // A warning with a tick, and a one-time code.
  await page.getByLabel('7 days', { exact: true }).check()
  await owner.press('Roll the key')
  expect(await page.getByText('Tick the box if you are sure').first().isVisible()).toBe(true)
  expect(await page.getByLabel('7 days', { exact: true }).isChecked()).toBe(true)
  await page.getByLabel(/I know that the old key stops/).check()
  await owner.press('Roll the key')
  expect(await page.getByText('Enter the 6 digits').first().isVisible()).toBe(true)
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Roll the key')
  await page.waitForURL(/\/rotations\/ROT-\d+$/)
  const ref = refIn(owner)
  await work(desk)
  await page.reload()
  expect(await page.getByText('By policy: the service has self-service').isVisible()).toBe(true)
  // Everybody who may view keys gets a mail with the time the old ones expire.
  const told = await lettersOf(ref, 'new-keys-ready')
  expect(told.map(({ toName }) => toName)).toEqual(EVERYBODY)
  const item = await db.selectFrom('item').selectAll().where('rotationRef', '=', ref).executeTakeFirstOrThrow()
  for (const { facts } of told) expect(JSON.stringify(facts)).toContain(item.overlapEndsAt?.toISOString())
  expect(Number(item.overlapEndsAt) - Number(item.generatedAt)).toBe(7 * 86_400_000)
  // Either key is accepted meanwhile.
  await page.getByRole('link', { name: 'Get new keys' }).click()
  await owner.press('Show key')
  const secret = await page.locator('#secret').innerText()
  expect([await codeOf(service.secret), await codeOf(secret)]).toEqual(['VALID', 'VALID'])
  // Going back: tick, code, mail; the new key is deleted and the old one kept.
  await forgetStepUps()
  await owner.open(`/rotations/${ref}/rollback`)
  await page.getByLabel(/Nothing depends on the new keys/).check()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Delete the new keys and go back')
  await page.waitForURL(/\/rotations\/ROT-\d+$/)
  expect([await codeOf(service.secret), await codeOf(secret)]).toEqual(['VALID', 'ROLLED_BACK'])
  expect((await lettersOf(ref, 'rolled-back')).map(({ toName }) => toName)).toEqual(EVERYBODY)
  expect(owner.complaints).toEqual([])
})

test('the recommended choice stops the old key in the moment in which the new one is shown, and says so before', async () => {
  const { page } = owner
  const service = await addSelfService('Payins', 'live')
  await owner.open(`/keys/${service.keyId}/roll`)
  expect(await page.getByLabel('Until I have the new one, 24 hours at most').isChecked()).toBe(true)
  await page.getByLabel(/I know that the old key stops/).check()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Roll the key')
  await page.waitForURL(/\/rotations\/ROT-\d+$/)
  await work(desk)
  await page.reload()
  expect(await page.getByText('as soon as the new one is picked up, at the latest on').first().isVisible()).toBe(true)
  await expectAccessible(owner, LOOKS)
  await page.getByRole('link', { name: 'Get new keys' }).click()
  expect(await page.getByText('Picking it up stops the old key at once.').isVisible()).toBe(true)
  expect(await codeOf(service.secret)).toBe('VALID')
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Show key')
  const secret = await page.locator('#secret').innerText()
  expect([await codeOf(service.secret), await codeOf(secret)]).toEqual(['EXPIRED', 'VALID'])
  expect(await page.getByText('no longer works').isVisible()).toBe(true)
  expect(owner.complaints).toEqual([])
})

test('more time comes through support: the first time at once, then when an agent approves it', async () => {
  const { page } = owner
  const service = await addSelfService('Refunds', 'live')
  await owner.open(`/keys/${service.keyId}/roll`)
  await page.getByLabel('1 day', { exact: true }).check()
  await page.getByLabel(/I know that the old key stops/).check()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Roll the key')
  await page.waitForURL(/\/rotations\/ROT-\d+$/)
  const ref = refIn(owner)
  await work(desk)
  for (const button of ['Give them more time', 'Ask for more time']) {
    await owner.open(`/rotations/${ref}/extension`)
    await typeCode(desk, owner, world.people.owner)
    await owner.press(button)
    await page.waitForURL(/\/rotations\/ROT-\d+$/)
  }
  const followUps = db.selectFrom('followUp').select('status').where('rotationRef', '=', ref).orderBy('requestedAt')
  expect((await followUps.execute()).map(({ status }) => status)).toEqual(['done', 'requested'])
})

test('only an owner rolls: others find no way to it, and the page is not for them', async () => {
  const service = await addSelfService('Cards', 'live')
  const viewer = await openAs(desk, world.people.viewer)
  await viewer.open(`/keys/${service.keyId}`)
  expect(await viewer.page.getByRole('link', { name: 'Roll', exact: true }).count()).toBe(0)
  const answer = await viewer.page.goto(`/keys/${service.keyId}/roll`)
  expect(answer?.status()).toBe(403)
})

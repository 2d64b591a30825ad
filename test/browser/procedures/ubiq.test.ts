import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createGateway } from '../../../src/keyring/gateways.ts'
import { createService } from '../../../src/keyring/services.ts'
import { expectAccessible, LOOKS, openAs, typeCode, type Visitor } from '../../support/browser.ts'
import { openTestDatabase } from '../../support/database.ts'
import { findViolations } from '../../support/invariants.ts'
import { openDesk } from '../../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../../support/worlds/api-world.ts'
import { noticesAbout } from '../../support/worlds/keys.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = desk.desk
let world: ApiWorld
let gatewayToken: string
let owner: Visitor

beforeAll(async () => {
  world = await makeApiWorld(desk)
  gatewayToken = (await createGateway(db, world.people.admin.actor, { name: 'edge' })).token
  const actor = world.people.owner.actor
  await createService(db, desk.desk.maker, actor, { name: 'Vault', environment: 'live', selfService: true })
  await createService(db, desk.desk.maker, actor, { name: 'Vault', environment: 'sandbox' })
  owner = await openAs(desk, world.people.owner)
})

async function verify(key: string, demand: object = {}): Promise<string> {
  const headers = { authorization: `Bearer ${gatewayToken}` }
  const { json } = await desk.call('POST', '/v1/keys/verify', { headers, body: { key, ...demand } })
  return z.object({ code: z.string() }).parse(json).code
}

/** As if the last code was given long ago: the page asks for one in place, and does nothing without. */
async function confirm(button: string): Promise<void> {
  await owner.page.getByLabel('One-time code').waitFor()
  await owner.press(button)
  await owner.page.getByRole('heading', { name: 'There is a problem' }).waitFor()
  await typeCode(desk, owner, world.people.owner)
  await owner.press(button)
}

async function forgetCodes(): Promise<void> {
  await db.deleteFrom('stepUp').execute()
  await db
    .updateTable('session')
    .set({ createdAt: new Date(Date.now() - 600_000) })
    .execute()
}

/** Chooses from the menu of a key's row, with the keyboard alone. */
async function choose(key: string, entry: string): Promise<void> {
  await forgetCodes()
  await owner.open('/services')
  const menu = owner.page.locator('summary', { hasText: `what you can do with ${key}` }).last()
  await menu.focus()
  await owner.page.keyboard.press('Enter')
  const link = owner.page.getByRole('link', { name: `${entry} ${key}`, exact: true })
  await link.waitFor()
  await owner.page.keyboard.press('Tab')
  for (let i = 0; i < 6 && !(await link.evaluate((node) => node === document.activeElement)); i++) {
    await owner.page.keyboard.press('Tab')
  }
  await owner.page.keyboard.press('Enter')
  await owner.page.waitForURL('**/keys/**')
}

/** Picks up the key whose page is open: it is shown once, and never again. */
async function pickUp(): Promise<string> {
  const { page } = owner
  await page.getByRole('link', { name: 'Get the key', exact: true }).click()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Show key')
  const secret = (await page.locator('#secret').textContent()) ?? ''
  await page.getByRole('link', { name: 'I have stored it' }).click()
  expect(await page.content()).not.toContain(secret)
  expect(await page.getByRole('link', { name: 'Get the key', exact: true }).count()).toBe(0)
  return secret
}

async function add(link: string): Promise<void> {
  await forgetCodes()
  await owner.open('/services')
  await owner.page.getByRole('region', { name: 'Vault' }).first().getByRole('link', { name: link }).click()
  await expectAccessible(owner, LOOKS)
}

/** The id of the key whose page is open. */
function keyId(): string {
  return /key_\w+/.exec(owner.page.url())?.[0] ?? ''
}

async function rollTo(choice: string): Promise<{ ref: string; secret: string }> {
  const { page } = owner
  await choose('Ledger', 'Roll')
  await expectAccessible(owner)
  await page.getByLabel(choice).check()
  await page.getByLabel('I know that the old key stops').check()
  await confirm('Roll the key')
  await page.waitForURL('**/rotations/ROT-*')
  const ref = /ROT-\d+/.exec(page.url())?.[0] ?? ''
  await work(desk)
  await owner.open(`/rotations/${ref}/new-keys`)
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Show key')
  return { ref, secret: (await page.locator('#secret').textContent()) ?? '' }
}

test('Ubiq, “API keys”: made with a dataset or by hand, a panel with a menu of each row, edited, disabled, rolled, deleted', async () => {
  const { page } = owner

  // Live and sandbox stand apart.
  await owner.open('/services')
  await expectAccessible(owner, LOOKS)
  expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual(['Live', 'Sandbox'])

  // A key made with a dataset.
  await add('Add a dataset')
  await owner.fill({ Name: 'orders' })
  await confirm('Add the dataset')
  await page.waitForURL('**/keys/key_*')
  await expectAccessible(owner, LOOKS)
  const ofDataset = await pickUp()
  expect(await verify(ofDataset, { dataset: 'orders' })).toBe('VALID')
  expect(await verify(ofDataset, { dataset: 'people' })).toBe('DATASET_DENIED')

  // A key made by hand: name, description, permission, address range, any number of datasets.
  await add('Add a key')
  await page.getByLabel('Read only').check()
  await page.getByLabel('orders').check()
  await owner.fill({
    Name: 'Ledger',
    'Description (optional)': 'The nightly export',
    'Addresses it may be used from (optional)': '203.0.113.0/24\n2001:db8::/48',
    'New datasets (optional)': 'people',
  })
  await confirm('Add the key')
  await page.waitForURL('**/keys/key_*')
  const id = keyId()
  const first = await pickUp()
  const from = { ip: '203.0.113.9' }
  for (const dataset of ['orders', 'people']) expect(await verify(first, { ...from, dataset })).toBe('VALID')
  expect(await verify(first, { ip: '2001:db8::1', permission: 'read_write' })).toBe('PERMISSION_DENIED')
  expect(await verify(first, { ip: '198.51.100.1' })).toBe('IP_NOT_ALLOWED')

  // Edit: from the row's menu, with a code; it counts at once.
  await choose('Ledger', 'Edit')
  await expectAccessible(owner, LOOKS)
  await page.getByLabel('Read and write').check()
  await confirm('Save')
  await page.waitForURL(`**/keys/${id}`)
  expect(await verify(first, { ...from, permission: 'read_write' })).toBe('VALID')

  // Disable, and back.
  await choose('Ledger', 'Disable')
  await expectAccessible(owner, LOOKS)
  await confirm('Disable the key')
  await page.waitForURL(`**/keys/${id}`)
  expect(await verify(first, from)).toBe('DISABLED')
  await choose('Ledger', 'Enable')
  await confirm('Enable the key')
  await page.waitForURL(`**/keys/${id}`)
  expect(await verify(first, from)).toBe('VALID')

  // Roll with an expiry: both work, and everything tied to the key stays.
  const second = await rollTo('7 days')
  for (const secret of [first, second.secret]) {
    expect(await verify(secret, { ...from, dataset: 'people', permission: 'read_write' })).toBe('VALID')
    expect(await verify(secret)).toBe('IP_NOT_ALLOWED')
  }
  await owner.open(`/keys/${id}`)
  await expectAccessible(owner, LOOKS)
  await owner.open(`/rotations/${second.ref}`)
  await page.getByRole('link', { name: 'Stop the old keys early' }).click()
  await page.getByLabel('I have moved everything').check()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Stop the old keys now')
  await page.waitForURL(`**/rotations/${second.ref}`)
  await work(desk)

  // Roll and block at once.
  const third = await rollTo('Not at all')
  expect(await verify(second.secret, from)).toBe('EXPIRED')
  expect(await verify(third.secret, { ...from, dataset: 'orders' })).toBe('VALID')

  // Delete: the name has to be typed; every version stops.
  await choose('Ledger', 'Delete')
  await expectAccessible(owner, LOOKS)
  await owner.fill({ 'Its name, to be sure': 'ledger' })
  await confirm('Delete the key')
  await page.getByText('Type the name of the key exactly as it is.').first().waitFor()
  await owner.fill({ 'Its name, to be sure': 'Ledger' })
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Delete the key')
  await page.waitForURL('**/services/svc_*')
  expect(await verify(third.secret, from)).toBe('REVOKED')
  expect(await page.getByRole('link', { name: 'Ledger' }).count()).toBe(0)

  // Everybody who may view the key was told of each.
  const told = (await noticesAbout(db, `/keys/${id}`)).filter(({ to }) => to === 'Vic')
  const notices = ['key_created', 'key_disabled', 'key_edited', 'key_enabled']
  expect(told.map(({ notice }) => notice).toSorted()).toEqual(notices)
  expect(await findViolations(db)).toEqual([])
  expect(owner.complaints).toEqual([])
})

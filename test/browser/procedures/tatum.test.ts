import { beforeAll, expect, test } from 'vitest'
import { expectAccessible, openAs, typeCode, type Visitor } from '../../support/browser.ts'
import { openTestDatabase } from '../../support/database.ts'
import { openDesk } from '../../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../../support/worlds/api-world.ts'
import { openGateway, pickUpFirst } from '../../support/worlds/gateway.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld
let verify: (key: string) => Promise<string>
let owner: Visitor
let agent: Visitor

beforeAll(async () => {
  world = await makeApiWorld(desk)
  verify = await openGateway(desk, world.people.admin)
  owner = await openAs(desk, world.people.owner)
  agent = await openAs(desk, world.people.agent)
})

/** Opens a key's page from the panel of its service. */
async function openKey(serviceId: string, name: string): Promise<void> {
  await owner.open(`/services/${serviceId}`)
  await owner.page.getByRole('link', { name, exact: true }).click()
}

/** What is bound to the key is registered with it, on its page. */
async function register(type: string, name: string, bound: RegExp): Promise<void> {
  const { page } = owner
  await page.getByLabel(type, { exact: true }).check()
  await owner.fill({ Name: name })
  await page.getByLabel(bound).check()
  await owner.press('Register it')
  await page.getByRole('button', { name: `Strike off ${name}` }).waitFor()
}

async function registerAll(): Promise<void> {
  await owner.page.getByRole('link', { name: 'Register what depends on it' }).click()
  await register('Virtual account', 'Customer funds', /goes on by itself/)
  await register('Notification', 'Incoming payment', /goes on by itself/)
  await register('KMS', 'Signing daemon', /has to be given the new key/)
  await expectAccessible(owner)
}

/** Files the key as compromised, its old secret to stop the moment the new one is made. */
async function regenerate(serviceName: string): Promise<string> {
  const { page } = owner
  await owner.open('/rotations/new')
  await page.getByLabel(`Auth key of ${serviceName}`).check()
  await page.getByLabel('A key was leaked or stolen').check()
  await page.getByLabel('Not at all: stop them at once').check()
  await owner.press('Continue')
  const bound = page.getByRole('region', { name: 'What depends on these keys' })
  await bound.getByText('Customer funds (Virtual account) goes on').waitFor()
  await bound.getByText('Incoming payment (Notification) goes on').waitFor()
  await bound.getByText('Signing daemon (KMS) stops with the old key, until it is given the new one').waitFor()
  await expectAccessible(owner)
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Send the request')
  await page.waitForURL('**/filed')
  return /ROT-\d+/.exec(page.url())?.[0] ?? ''
}

async function approve(ref: string): Promise<void> {
  await agent.open(`/rotations/${ref}`)
  await agent.page.getByText('Signing daemon (KMS) stops with the old key').waitFor()
  await expectAccessible(agent)
  await typeCode(desk, agent, world.people.agent)
  await agent.press('Approve')
  await agent.page.getByText('Scheduled').first().waitFor()
  await work(desk)
}

async function pickUp(ref: string): Promise<string> {
  const { page } = owner
  await owner.open(`/rotations/${ref}`)
  await page.getByRole('link', { name: 'Get new keys' }).click()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Show key')
  const secret = (await page.locator('#secret').textContent()) ?? ''
  await page.getByRole('link', { name: 'I have stored it' }).click()
  return secret
}

/** The key management system that must match the key one to one is given the new one, which is ticked off. */
async function attendToKms(ref: string): Promise<void> {
  const { page } = owner
  await owner.open(`/rotations/${ref}`)
  await page.getByText('1 dependant still to be given the new key').waitFor()
  expect(await page.getByText('Customer funds').count()).toBe(0)
  await expectAccessible(owner)
  const tick = page.getByRole('button', { name: 'It has the new key (Signing daemon)' })
  await tick.focus()
  await page.keyboard.press('Enter')
  await page.getByText('Ticked off by Ada Owner').waitFor()
  expect(await page.getByText('still to be given the new key').count()).toBe(0)
  await expectAccessible(owner)
}

/** Deletes the key from its page, which says first what stops. */
async function remove(serviceId: string): Promise<void> {
  const { page } = owner
  await openKey(serviceId, 'Auth key')
  await page.getByRole('link', { name: 'Delete' }).last().click()
  for (const [name, type] of [
    ['Customer funds', 'Virtual account'],
    ['Incoming payment', 'Notification'],
    ['Signing daemon', 'KMS'],
  ]) {
    await page.getByText(`${name} (${type}) stops at once, for good`).waitFor()
  }
  await expectAccessible(owner)
  await owner.fill({ 'Its name, to be sure': 'Auth key' })
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Delete the key')
  await page.waitForURL(`**/services/${serviceId}`)
}

test('Tatum: a compromised key is regenerated, its KMS seen to, and removed with all that is bound to it', async () => {
  const { serviceId } = await world.addService('Wallets')
  const old = await pickUpFirst(desk, world.people.owner, serviceId)
  await openKey(serviceId, 'Auth key')
  await registerAll()

  const ref = await regenerate('Wallets')
  expect(await verify(old.auth)).toBe('VALID')
  await approve(ref)
  expect(await verify(old.auth)).toBe('EXPIRED')
  const secret = await pickUp(ref)
  expect(await verify(secret)).toBe('VALID')
  await attendToKms(ref)

  // What is bound to the key is there as before: only its secret is another.
  await openKey(serviceId, 'Auth key')
  for (const name of ['Customer funds', 'Incoming payment', 'Signing daemon']) {
    await owner.page.getByText(name).first().waitFor()
  }
  await remove(serviceId)
  expect(await verify(secret)).toBe('REVOKED')
  expect(await verify(old.admin)).toBe('VALID')
  expect([...owner.complaints, ...agent.complaints]).toEqual([])
})

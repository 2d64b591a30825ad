import { beforeAll, expect, test } from 'vitest'
import { localTime } from '../../../src/rules/text/local-times.ts'
import { expectAccessible, openAs, typeCode, type Visitor } from '../../support/browser.ts'
import { openTestDatabase } from '../../support/database.ts'
import { openDesk } from '../../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../../support/worlds/api-world.ts'
import { openGateway, pickUpFirst } from '../../support/worlds/gateway.ts'
import { DAY, letTimePass } from '../../support/worlds/passing-time.ts'
import { readRotation } from '../../support/worlds/story.ts'

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

/** Tells support which services, which keys of each, and from when on they may be rotated. */
async function request(start: Date): Promise<string> {
  const { page } = owner
  await owner.open('/rotations')
  await page.getByRole('link', { name: 'Request a rotation' }).click()
  for (const key of ['Auth key of Login', 'Admin key of Login', 'Auth key of Checkout'])
    await page.getByLabel(key).check()
  await page.getByLabel('A key was leaked or stolen').check()
  await owner.fill({ 'Earliest start (optional)': localTime(start, 'UTC') })
  await page.getByLabel('30 days', { exact: true }).check()
  await owner.press('Continue')
  await page.getByText('Login (live): Auth key').waitFor()
  await page.getByText('Checkout (live): Auth key').waitFor()
  await expectAccessible(owner)
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Send the request')
  await page.waitForURL('**/filed')
  return /ROT-\d+/.exec(page.url())?.[0] ?? ''
}

/** Support confirms it, from the queue. */
async function confirm(ref: string): Promise<void> {
  const { page } = agent
  await agent.open('/queue')
  await page.getByRole('link', { name: ref }).click()
  await expectAccessible(agent)
  await typeCode(desk, agent, world.people.agent)
  await agent.press('Approve')
  await page.getByText('Scheduled').first().waitFor()
}

async function pickUpAll(ref: string, number: number): Promise<string[]> {
  const { page } = owner
  const secrets: string[] = []
  await owner.open(`/rotations/${ref}`)
  await page.getByRole('link', { name: 'Get new keys' }).click()
  for (let left = number; left > 0; left--) {
    await typeCode(desk, owner, world.people.owner)
    await owner.press('Show key')
    secrets.push((await page.locator('#secret').textContent()) ?? '')
    await page.getByRole('link', { name: 'I have stored it' }).click()
  }
  return secrets
}

/** Asks for the old keys of one service to be revoked before their time. */
async function revokeEarly(ref: string, kept: readonly RegExp[]): Promise<void> {
  const { page } = owner
  await owner.open(`/rotations/${ref}`)
  await page.getByRole('link', { name: 'Stop the old keys early' }).click()
  for (const label of kept) await page.getByLabel(label).uncheck()
  await expectAccessible(owner)
  await page.getByLabel('I have moved everything').check()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Stop the old keys now')
  await page.waitForURL(`**/rotations/${ref}`)
}

async function verdicts(keys: readonly string[]): Promise<string[]> {
  return Promise.all(keys.map(verify))
}

test('Futurae: support rotates the keys that were named, from the time that was named, and old ones work for 30 days or until they are revoked', async () => {
  const login = await pickUpFirst(desk, world.people.owner, (await world.addService('Login')).serviceId)
  const checkout = await pickUpFirst(desk, world.people.owner, (await world.addService('Checkout')).serviceId)
  const filed = [login.auth, login.admin, checkout.auth]

  const ref = await request(new Date(Date.now() + DAY))
  await confirm(ref)
  await work(desk)
  // Not before the time that was named.
  expect((await readRotation(database.db, ref)).items.every(({ newVersionId }) => newVersionId === null)).toBe(true)

  await letTimePass(database.db, ref, DAY + 60_000)
  await work(desk)
  const made = await pickUpAll(ref, 3)
  expect(await verdicts([...filed, ...made])).toEqual(Array(6).fill('VALID'))
  // The key that was not named is as it was.
  expect(await verify(checkout.admin)).toBe('VALID')
  const items = (await readRotation(database.db, ref)).items
  for (const { generatedAt, overlapEndsAt } of items) {
    expect(Number(overlapEndsAt) - Number(generatedAt)).toBe(30 * DAY)
  }

  await revokeEarly(ref, [/^Login, Auth key/, /^Login, Admin key/])
  expect(await verdicts(filed)).toEqual(['VALID', 'VALID', 'REVOKED'])
  await work(desk)

  await letTimePass(database.db, ref, 30 * DAY - 60_000)
  expect(await verdicts(filed)).toEqual(['VALID', 'VALID', 'REVOKED'])
  await letTimePass(database.db, ref, 60_000)
  expect(await verdicts(filed)).toEqual(['EXPIRED', 'EXPIRED', 'REVOKED'])
  expect(await verdicts(made)).toEqual(['VALID', 'VALID', 'VALID'])
  await work(desk)
  await owner.open(`/rotations/${ref}`)
  await owner.page.getByText('The old keys have stopped; only the new ones work.').waitFor()
  expect([...owner.complaints, ...agent.complaints]).toEqual([])
})

import { beforeAll, expect, test } from 'vitest'
import { findRotation } from '../../src/database/rotations/views.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { openAs, openVisitor, typeCode, type Visitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'
import { unusedCode } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

async function statusOf(ref: string): Promise<string | undefined> {
  return (await findRotation(desk.desk.db, { organisationId: null }, ref))?.status
}

test('everything works with JavaScript off', async () => {
  const { owner, agent } = world.people
  await world.addService('Plain')
  const asking = await openAs(desk, owner, { javaScriptEnabled: false })
  const { page } = asking
  await page.getByRole('link', { name: 'Request a rotation' }).click()
  await page.getByLabel('Auth key of Plain').check()
  await page.getByLabel('Scheduled rotation').check()
  await asking.press('Continue')
  await typeCode(desk, asking, owner)
  await asking.press('Send the request')
  await page.getByRole('link', { name: 'Follow ROT-' }).click()
  const ref = /ROT-\d+/.exec(page.url())?.[0] ?? ''

  const deciding = await openAs(desk, agent, { javaScriptEnabled: false })
  await deciding.page.getByRole('link', { name: ref }).click()
  await typeCode(desk, deciding, agent)
  await deciding.press('Approve')
  expect(await statusOf(ref)).toBe('scheduled')
  await work(desk)

  await page.reload()
  await page.getByRole('link', { name: 'Get new keys' }).click()
  await typeCode(desk, asking, owner)
  await asking.press('Show key')
  expect(await page.locator('#secret').textContent()).toMatch(/^rk_auth_live_/)
  expect(await page.getByRole('button', { name: 'Copy' }).count()).toBe(0)
  await page.getByRole('link', { name: 'I have stored it' }).click()
  await page.getByRole('link', { name: 'Stop the old keys early' }).click()
  await page.getByLabel('I have moved everything').check()
  await typeCode(desk, asking, owner)
  await asking.press('Stop the old keys now')
  await page.getByText('Only the new key works').waitFor()
  await asking.press('Sign out')
  await asking.open('/rotations')
  expect(new URL(page.url()).pathname).toBe('/sign-in')
})

/** Presses Tab until the element that `selector` names has the focus, as somebody without a mouse does. */
async function tabTo({ page }: Visitor, selector: string): Promise<void> {
  for (let presses = 0; presses < 80; presses++) {
    const reached = await page.evaluate((text) => document.activeElement?.matches(text) === true, selector)
    if (reached) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab never reached ${selector} on ${page.url()}`)
}

test('a request can be filed by keyboard alone, the skip link first', async () => {
  const { owner } = world.people
  await world.addService('Keys only')
  const visitor = await openVisitor(desk)
  const { keyboard } = visitor.page
  await visitor.open('/sign-in')
  await tabTo(visitor, '#email')
  await keyboard.type(owner.email)
  await tabTo(visitor, '#password')
  await keyboard.type(owner.password)
  await keyboard.press('Enter')
  await visitor.page.waitForURL('**/sign-in/code**')
  await tabTo(visitor, '#code')
  await keyboard.type(await unusedCode(desk.desk.db, owner))
  await keyboard.press('Enter')
  await visitor.page.waitForURL('**/rotations')
  await keyboard.press('Tab')
  expect(await visitor.page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to main content')
  await keyboard.press('Enter')
  await tabTo(visitor, 'a[href="/rotations/new"]')
  await keyboard.press('Enter')
  await visitor.page.waitForURL('**/rotations/new')
  const id = await visitor.page.getByLabel('Admin key of Keys only').getAttribute('value')
  await tabTo(visitor, `input[value="${id}"]`)
  await keyboard.press('Space')
  await tabTo(visitor, '#reason')
  for (let down = 0; down < 4; down++) await keyboard.press('ArrowDown')
  await keyboard.press('Enter')
  await visitor.page.getByText('Check your answers').first().waitFor()
  await tabTo(visitor, 'main form > .buttons button')
  await keyboard.press('Enter')
  await visitor.page.waitForURL('**/filed')
  expect(visitor.complaints).toEqual([])
})

test('a page refreshes its status by itself and leaves alone what is being typed', async () => {
  const { owner, agent, otherAgent } = world.people
  const { serviceId } = await world.addService('Fresh')
  const { db } = desk.desk
  const items = [{ serviceId, kinds: ['auth'] as const }]
  const filing = { items, reason: 'scheduled' as const, overlapSeconds: 0 }
  const { ref } = await submitRotation(db, owner.actor, filing)
  const watching = await openAs(desk, agent)
  await watching.open(`/rotations/${ref}`)
  await watching.fill({ 'Note to the record (optional)': 'Half a sent' })
  await watching.page.getByText('none has yet').waitFor()
  const deciding = await openAs(desk, otherAgent)
  await deciding.open(`/rotations/${ref}`)
  await deciding.page.getByText('Two agents have to approve').first().waitFor()
  await typeCode(desk, deciding, otherAgent)
  await deciding.press('Approve')
  await watching.page.getByText('one has').waitFor()
  expect(await watching.page.getByLabel('Note to the record (optional)').inputValue()).toBe('Half a sent')
  expect([...watching.complaints, ...deciding.complaints]).toEqual([])
})

test('times are read and told on the clocks that the person chose', async () => {
  const { viewer, owner } = world.people
  await world.addService('Clocks')
  const { page, ...visitor } = await openAs(desk, owner)
  await page.getByRole('link', { name: 'UTC' }).click()
  await page.getByLabel('Time zone').selectOption('Asia/Tokyo')
  await visitor.press('Use this time zone')
  await page.getByRole('link', { name: 'Asia/Tokyo' }).waitFor()
  await visitor.open('/rotations/new')
  await page.getByLabel('Auth key of Clocks').check()
  await page.getByLabel('Scheduled rotation').check()
  const nextWeek = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10)
  await visitor.fill({ 'Earliest start (optional)': `${nextWeek}T09:00` })
  await visitor.press('Continue')
  expect(await page.locator('main').textContent()).toMatch(/09:00 \S+ \(00:00 UTC\)/)
  const other = await openAs(desk, viewer)
  expect(await other.page.locator('footer').textContent()).toContain('UTC')
  expect(visitor.complaints).toEqual([])
})

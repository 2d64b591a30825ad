import { beforeAll, expect, test } from 'vitest'
import { findRotation } from '../../src/database/rotations/views.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { setShortcuts } from '../../src/identity/account/shortcuts.ts'
import { openAs, typeCode, type Visitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = desk.desk
const REQUESTS = 40
let world: ApiWorld
/** As they wait: the leaked ones first, then as they were filed. */
let waiting: string[]

async function file(name: string, reason: 'scheduled' | 'compromised' = 'scheduled'): Promise<string> {
  const { serviceId } = await world.addService(name)
  const items = [{ serviceId, kinds: ['auth'] as const }]
  return (await submitRotation(db, world.people.owner.actor, { items, reason, overlapSeconds: 86_400 })).ref
}

beforeAll(async () => {
  world = await makeApiWorld(desk)
  await db.updateTable('policy').set({ filingsPerHour: 1_000 }).execute()
  const refs: string[] = []
  for (let i = 0; i < REQUESTS; i++) refs.push(await file(`Service ${i}`))
  const leaked = await file('Leaked', 'compromised')
  waiting = [leaked, ...refs]
})

function refOf({ page }: Visitor): string {
  return /ROT-\d+$/.exec(new URL(page.url()).pathname)?.[0] ?? ''
}

async function press({ page }: Visitor, key: string): Promise<void> {
  const [before] = [page.url()]
  await page.keyboard.press(key)
  await page.waitForURL((url) => url.href !== before)
}

test('by keyboard alone every request is one key away, over many of them and around', async () => {
  const visitor = await openAs(desk, world.people.agent)
  await visitor.open('/queue')
  const walked: string[] = []
  for (const _ of waiting) {
    await press(visitor, 'n')
    walked.push(refOf(visitor))
  }
  expect(walked).toEqual(waiting)
  await press(visitor, 'n')
  expect(refOf(visitor)).toBe(waiting[0])
  expect(visitor.complaints).toEqual([])
})

test('after a decision the next key leads on from there', async () => {
  const visitor = await openAs(desk, world.people.agent)
  const [first = '', second = '', third = ''] = waiting.slice(3)
  await visitor.open(`/rotations/${second}`)
  await typeCode(desk, visitor, world.people.agent)
  await visitor.press('Approve')
  await visitor.page.getByText('Approved. New keys are made').waitFor()
  expect((await findRotation(db, { organisationId: null }, second))?.status).toBe('scheduled')
  await press(visitor, 'n')
  expect(refOf(visitor)).toBe(third)
  await visitor.open(`/rotations/${first}`)
  await press(visitor, 'n')
  expect(refOf(visitor)).toBe(third)
  waiting = waiting.filter((ref) => ref !== second)
})

test('in the list j and k move, x ticks, Enter opens, ? tells and / searches; fields keep their keys', async () => {
  const visitor = await openAs(desk, world.people.agent)
  const { page } = visitor
  await visitor.open('/queue')
  const focused = () => page.evaluate(() => document.activeElement?.textContent)
  for (const key of ['j', 'j', 'j', 'k']) await page.keyboard.press(key)
  expect(await focused()).toBe(waiting[1])
  await page.keyboard.press('x')
  expect(
    await page
      .locator('input[name="rotation"]:checked')
      .evaluateAll((all) => all.map((box) => box.getAttribute('value'))),
  ).toEqual([`${waiting[1]}/`])
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await page.keyboard.press('n')
  expect(new URL(page.url()).pathname).toBe('/queue')
  await page.keyboard.press('Escape')
  await page.keyboard.press('/')
  await page.keyboard.type('njk?x')
  expect(await page.getByLabel('Search all requests').inputValue()).toBe('njk?x')
  await visitor.open('/queue')
  await page.keyboard.press('j')
  await press(visitor, 'Enter')
  expect(refOf(visitor)).toBe(waiting[0])
  await page.keyboard.press('t')
  await page.getByText('Gus (you)').waitFor()
  expect(visitor.complaints).toEqual([])
})

test('switched off, no key does anything, and every way is still a link', async () => {
  const { otherAgent } = world.people
  await setShortcuts(db, otherAgent.actor, false)
  const visitor = await openAs(desk, otherAgent)
  await visitor.open('/queue')
  const { page } = visitor
  for (const key of ['n', 'j', '?', 'x', '/', 't']) await page.keyboard.press(key)
  expect(new URL(page.url()).pathname).toBe('/queue')
  expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true)
  expect(await page.getByRole('dialog').count()).toBe(0)
  await page.getByRole('link', { name: 'Next to decide' }).click()
  await page.waitForURL(`**/rotations/${waiting[0]}`)
  await page.getByRole('link', { name: 'Next to decide' }).click()
  await page.waitForURL(`**/rotations/${waiting[1]}`)
})

test('the queue refreshes itself and says so, but not under the hands of whoever ticks or stands in it', async () => {
  const visitor = await openAs(desk, world.people.agent)
  const { page } = visitor
  await page.clock.install()
  await visitor.open('/queue')
  const leaked = await file('Leaked later', 'compromised')
  const row = page.locator(`[data-row="${leaked}"]`)
  const tick = page.getByLabel(`Tick ${waiting[3]}`)
  await tick.check()
  await page.evaluate(() => (document.activeElement instanceof HTMLElement ? document.activeElement.blur() : null))
  await page.clock.runFor(40_000)
  expect([await row.count(), await tick.isChecked()]).toEqual([0, true])
  await tick.uncheck()
  await page.clock.runFor(40_000)
  expect(await row.count()).toBe(0)
  await page.evaluate(() => (document.activeElement instanceof HTMLElement ? document.activeElement.blur() : null))
  await page.evaluate(() => scrollTo(0, 300))
  await page.clock.runFor(16_000)
  await row.waitFor()
  expect(await page.evaluate(() => scrollY)).toBe(300)
  expect(await page.locator('[data-queue-news]').textContent()).toContain('1 request came in.')
  expect(visitor.complaints).toEqual([])
})

test('several are ticked and given to a colleague, and nothing else can be done to several', async () => {
  const visitor = await openAs(desk, world.people.agent)
  const { page } = visitor
  await visitor.open('/queue?assignee=nobody')
  const refs = waiting.slice(5, 8)
  for (const ref of refs) await page.getByLabel(`Tick ${ref}`).check()
  await page.getByLabel('Give what is ticked to').selectOption({ label: 'Gia' })
  await visitor.press('Assign')
  await page.getByText('3 requests have a new assignee').waitFor()
  for (const ref of refs) expect((await findRotation(db, { organisationId: null }, ref))?.assignee?.name).toBe('Gia')
  expect(await page.getByRole('button', { name: /approve|reject/i }).count()).toBe(0)
})

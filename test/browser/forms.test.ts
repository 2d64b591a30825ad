import { beforeAll, describe, expect, test } from 'vitest'
import { findRotations } from '../../src/database/rotations/views.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { expectAccessible, openAs, typeCode, type Visitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

async function file(name: string): Promise<string> {
  const { serviceId } = await world.addService(name)
  const { db } = desk.desk
  const items = [{ serviceId, kinds: ['auth'] as const }]
  const filing = { items, reason: 'scheduled' as const, overlapSeconds: 86_400 }
  return (await submitRotation(db, world.people.owner.actor, filing)).ref
}

async function fillRequest(visitor: Visitor, service: string): Promise<void> {
  const { page } = visitor
  await visitor.open('/rotations/new')
  await page.getByLabel(`Auth key of ${service}`).check()
  await page.getByLabel('A key was lost').check()
  await visitor.fill({ 'Anything the desk should know (optional)': 'It was in a lost laptop.' })
  await page.getByLabel('1 day', { exact: true }).check()
  await visitor.press('Continue')
}

/** Spends what a code or the sign-in is still worth, so that the next page asks for a code. */
async function forgetStepUps(): Promise<void> {
  await desk.desk.db.deleteFrom('stepUp').execute()
}

describe('a refused form', () => {
  test('says so in its title, moves the focus to the summary and leads to the field', async () => {
    const owner = await openAs(desk, world.people.owner)
    await owner.open('/rotations/new')
    await owner.fill({ 'Anything the desk should know (optional)': 'Kept as it was typed.' })
    await owner.press('Continue')
    const { page } = owner
    expect(await page.title()).toMatch(/^Error: /)
    await expect.poll(() => page.evaluate(() => document.activeElement?.hasAttribute('data-error-summary'))).toBe(true)
    expect(await page.getByLabel('Anything the desk should know (optional)').inputValue()).toBe('Kept as it was typed.')
    await page.getByRole('link', { name: 'Choose at least one key.' }).click()
    expect(await page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('key')
    await expectAccessible(owner)
  })

  test('keeps every answer when the one-time code was wrong, and takes the next one', async () => {
    await world.addService('Kept')
    const owner = await openAs(desk, world.people.owner)
    await fillRequest(owner, 'Kept')
    await forgetStepUps()
    await owner.press('Send the request')
    await owner.page.getByRole('link', { name: 'Enter the 6 digits' }).waitFor()
    await owner.fill({ 'One-time code': '000000' })
    await owner.page.getByLabel('One-time code').press('Enter')
    await owner.page.getByRole('link', { name: 'That code was not accepted' }).waitFor()
    expect(await owner.page.locator('main').textContent()).toContain('It was in a lost laptop.')
    await typeCode(desk, owner, world.people.owner)
    await owner.press('Send the request')
    await owner.page.getByText('Request sent').waitFor()
    expect(owner.complaints).toEqual([])
  })

  test('refuses text that holds a key, and keeps the rest', async () => {
    await world.addService('Leaky')
    const owner = await openAs(desk, world.people.owner)
    await fillRequest(owner, 'Leaky')
    await owner.page.getByRole('button', { name: 'Change Details' }).click()
    await owner.fill({ 'Anything the desk should know (optional)': `rk_auth_live_${'a'.repeat(38)}` })
    await owner.press('Continue')
    await owner.page.getByRole('link', { name: 'seems to contain an API key' }).waitFor()
    expect(await owner.page.getByLabel('Auth key of Leaky').isChecked()).toBe(true)
  })
})

test('a request that is sent twice is filed once and confirmed twice', async () => {
  await world.addService('Twice')
  const owner = await openAs(desk, world.people.owner)
  await forgetStepUps()
  await fillRequest(owner, 'Twice')
  await typeCode(desk, owner, world.people.owner)
  const sending = owner.page.waitForRequest((request) => request.method() === 'POST')
  await owner.press('Send the request')
  await owner.page.waitForURL('**/filed')
  // As a second press would: the same form, its code used by now.
  const sent = await sending
  const headers = { ...sent.headers(), origin: desk.url }
  const again = await owner.page.request.post(sent.url(), { data: sent.postData() ?? '', headers })
  expect(again.url()).toBe(owner.page.url())
  const { items } = await findRotations(desk.desk.db, { organisationId: null }, { q: 'Twice', limit: 10 })
  expect(items).toHaveLength(1)
})

test('a secret is shown once: the answer sent again shows nothing, and the page stays in no cache', async () => {
  const ref = await file('Once')
  await approveRotation(desk.desk.db, world.people.agent.actor, ref, { revision: 1 })
  await work(desk)
  const owner = await openAs(desk, world.people.owner)
  await owner.open(`/rotations/${ref}/new-keys`)
  await typeCode(desk, owner, world.people.owner)
  const answer = owner.page.waitForResponse((response) => response.request().method() === 'POST')
  await owner.press('Show key')
  expect((await answer).headers()['cache-control']).toBe('no-store')
  const secret = (await owner.page.locator('#secret').textContent()) ?? ''
  expect(secret).toMatch(/^rk_auth_live_/)
  expect(owner.page.url()).not.toContain(secret)
  await owner.page.reload()
  await owner.page.getByText('This key was shown already').waitFor()
  expect(await owner.page.content()).not.toContain(secret)
})

test('the copy button puts the secret on the clipboard and says so', async () => {
  const ref = await file('Copied')
  await approveRotation(desk.desk.db, world.people.agent.actor, ref, { revision: 1 })
  await work(desk)
  const owner = await openAs(desk, world.people.owner, { permissions: ['clipboard-read', 'clipboard-write'] })
  await owner.open(`/rotations/${ref}/new-keys`)
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Show key')
  await owner.press('Copy')
  await owner.page.getByRole('status').getByText('Copied').waitFor()
  const copied = await owner.page.evaluate(() => navigator.clipboard.readText())
  expect(copied).toBe(await owner.page.locator('#secret').textContent())
  expect(owner.complaints).toEqual([])
})

test('an agent who decides on what has changed is shown what, with their text kept', async () => {
  const ref = await file('Stale')
  const agent = await openAs(desk, world.people.agent)
  const owner = await openAs(desk, world.people.owner)
  await agent.open(`/rotations/${ref}`)
  await owner.open(`/rotations/${ref}`)
  await owner.press('Withdraw the request')
  await owner.page.getByText('Withdrawn', { exact: true }).first().waitFor()
  await agent.fill({ 'Note to the record (optional)': 'Looks right to me.' })
  await typeCode(desk, agent, world.people.agent)
  await agent.press('Approve')
  await agent.page.getByText('changed while you were reading').waitFor()
  expect(await agent.page.locator('main').textContent()).toContain('Looks right to me.')
  expect(await agent.page.locator('main').textContent()).toContain('by Ada Owner')
  await expectAccessible(agent)
  await agent.press('Review again')
  await agent.page.getByText('Withdrawn', { exact: true }).first().waitFor()
})

test('an agent rejects with a reason, which the customer reads', async () => {
  const ref = await file('Rejected')
  const agent = await openAs(desk, world.people.agent)
  await agent.open(`/rotations/${ref}`)
  await agent.page.getByRole('link', { name: 'Reject' }).click()
  await agent.press('Reject')
  await agent.page.getByRole('link', { name: 'Say why' }).waitFor()
  await agent.fill({ 'Why it is rejected': 'These keys are not in use.' })
  await agent.press('Reject')
  const owner = await openAs(desk, world.people.owner)
  await owner.open(`/rotations/${ref}`)
  await owner.page.getByText('The desk said no: These keys are not in use.').waitFor()
})

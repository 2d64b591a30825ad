import { beforeAll, expect, test } from 'vitest'
import { askCustomer } from '../../src/desk/conversation/ask.ts'
import { addCannedAnswer } from '../../src/desk/conversation/canned-answers.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { expectAccessible, LOOKS, openAs, type Visitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'

const desk = await openDesk(await openTestDatabase())
let world: ApiWorld
let agent: Visitor
let owner: Visitor

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { db } = desk.desk
  const canned = { name: 'Which systems', body: 'Please list the systems that use the key.' }
  await addCannedAnswer(db, world.people.admin.actor, canned)
  agent = await openAs(desk, world.people.agent)
  owner = await openAs(desk, world.people.owner)
})

async function file(name: string): Promise<string> {
  const { serviceId } = await world.addService(name)
  const items = [{ serviceId, kinds: ['auth'] as const }]
  const filing = { items, reason: 'scheduled' as const, overlapSeconds: 86_400 }
  return (await submitRotation(desk.desk.db, world.people.owner.actor, filing)).ref
}

/** Moves on with the tab key until the element has the focus. */
async function tabTo({ page }: Visitor, selector: string): Promise<void> {
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press('Tab')
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return
  }
  throw new Error(`the tab key never came to ${selector}`)
}

test('an agent asks with a canned answer, and an owner answers and changes the request, by keyboard alone', async () => {
  const ref = await file('By keyboard')
  await agent.open(`/rotations/${ref}`)
  expect(await agent.page.locator('#question').isVisible()).toBe(false)
  await tabTo(agent, 'a[href="#ask"]')
  await agent.page.keyboard.press('Enter')
  await tabTo(agent, '#question')
  await agent.page.keyboard.type('Good morning.')
  await tabTo(agent, '#ask-canned')
  await tabTo(agent, 'button[value="ask"]')
  await agent.page.keyboard.press('Enter')
  await agent.page.waitForURL('**/canned-answer')
  // The text is back, with the canned one behind it, and the focus in it.
  await agent.page.waitForFunction(() => document.activeElement?.id === 'question')
  const typed = await agent.page.locator('#question').inputValue()
  expect(typed).toBe('Good morning.\n\nPlease list the systems that use the key.')
  await expectAccessible(agent, LOOKS)
  await tabTo(agent, '#ask form > button:last-child')
  await agent.page.keyboard.press('Enter')
  await agent.page.getByText('The customer was asked').waitFor()

  await owner.open(`/rotations/${ref}`)
  await expectAccessible(owner, LOOKS)
  await tabTo(owner, '#answer')
  await owner.page.keyboard.type('The shop alone.')
  await tabTo(owner, '.answer summary')
  await owner.page.keyboard.press('Enter')
  await tabTo(owner, '#changesDetails')
  await owner.page.keyboard.type('Only the shop.')
  await tabTo(owner, '.answer form > button')
  await owner.page.keyboard.press('Enter')
  await owner.page.getByText('Answered, and changed the request').waitFor()
  expect(await owner.page.locator('#newest').textContent()).toContain('Only the shop.')
  await expectAccessible(owner, LOOKS)
  expect([...agent.complaints, ...owner.complaints]).toEqual([])
})

test('the way to reject and the way to ask take each other’s place', async () => {
  await agent.open(`/rotations/${await file('Either')}`)
  const { page } = agent
  await page.getByRole('link', { name: 'Reject' }).click()
  expect([await page.locator('#reason').isVisible(), await page.locator('#question').isVisible()]).toEqual([
    true,
    false,
  ])
  await expectAccessible(agent, LOOKS)
  await agent.press('Reject for good')
  await page.getByRole('link', { name: 'Say why' }).waitFor()
  await page.getByRole('link', { name: 'Ask the customer' }).click()
  expect([await page.locator('#reason').isVisible(), await page.locator('#question').isVisible()]).toEqual([
    false,
    true,
  ])
})

test('a message to the customer and an internal note differ in place, colour, heading and button', async () => {
  const ref = await file('Two forms')
  await agent.open(`/rotations/${ref}`)
  const { page } = agent
  const look = (id: string) =>
    page.locator(id).evaluate((form) => {
      const { left, width } = form.getBoundingClientRect()
      const { backgroundColor, borderTopStyle } = getComputedStyle(form)
      const words = [...form.querySelectorAll('h2, button[type=submit]')].map((each) => each.textContent?.trim())
      return { place: [left, width], backgroundColor, borderTopStyle, words: words.join() }
    })
  const [message, note] = [await look('#write'), await look('#internal-note')]
  for (const trait of ['place', 'backgroundColor', 'borderTopStyle', 'words'] as const) {
    expect(message[trait], trait).not.toEqual(note[trait])
  }
  expect(message.words).toContain('Send to the customer')
  expect(note.words).toContain('Save internal note')
  await agent.fill({ 'Note for the staff alone': 'Sounds odd.', 'Message to the customer': 'We look at it.' })
  await agent.press('Save internal note')
  await page.getByText('Sounds odd.').waitFor()
  await expectAccessible(agent, LOOKS)
  await owner.open(`/rotations/${ref}`)
  expect(await owner.page.locator('main').textContent()).not.toMatch(/Sounds odd|We look at it|nternal note/)
})

test('an owner is led to what the desk asks, from the list to the answer', async () => {
  const ref = await file('Asked')
  const question = { revision: 1, message: 'Until when do you need both?' }
  await askCustomer(desk.desk.db, world.people.agent.actor, ref, question)
  await owner.open('/rotations')
  await owner.page.locator('section', { hasText: 'Needs you' }).getByRole('link', { name: ref }).first().click()
  await owner.page.getByText('The desk needs an answer from you').waitFor()
  await owner.fill({ 'Your answer': 'Until Friday.' })
  await owner.press('Send the answer')
  await owner.page.getByText('Waiting for approval').first().waitFor()
  expect(owner.complaints).toEqual([])
})

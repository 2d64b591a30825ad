import { beforeAll, expect, test } from 'vitest'
import { issueSetUpCode } from '../../src/identity/members/first-admin.ts'
import { inviteMember } from '../../src/identity/members/organisations.ts'
import { expectAccessible, openVisitor, type Visitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { codeFor, invitationToken, PASSWORD, unusedCode } from '../support/worlds/people.ts'

const desk = await openDesk(await openTestDatabase())
const fresh = await openDesk(await openTestDatabase())
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

test('a person of two organisations joins with their own password, and chooses which one they act for', async () => {
  const { rival, developer } = world.people
  const { db } = desk.desk
  const { organisationId } = world.foreign
  await inviteMember(db, rival.actor, { organisationId, name: 'Dev', email: developer.email, role: 'owner' })
  const visitor = await openVisitor(desk)
  await visitor.open(`/invitations/${await invitationToken(db, developer.email)}`)
  await visitor.page.getByText('You have an account already.').waitFor()
  await expectAccessible(visitor)
  await visitor.fill({ Password: developer.password, 'One-time code': await unusedCode(db, developer) })
  await visitor.press('Join')
  await visitor.page.getByText('Everyone in Rivals').waitFor()
  await visitor.page.getByRole('link', { name: 'change' }).click()
  await visitor.page.getByLabel('Acme').check()
  await visitor.press('Continue')
  await visitor.page.getByText('Everyone in Acme').waitFor()
  expect(await visitor.page.getByRole('link', { name: 'Request a rotation' }).count()).toBe(0)
  expect(visitor.complaints).toEqual([])
})

/** The secret that the page shows beside its QR code, as an app takes it. */
async function seedOn({ page }: Visitor): Promise<string> {
  return ((await page.locator('.seed').textContent()) ?? '').replaceAll(' ', '')
}

async function join(visitor: Visitor): Promise<void> {
  const code = codeFor(await seedOn(visitor))
  await visitor.fill({ 'Choose a password': PASSWORD, 'One-time code': code })
  await visitor.press('Join')
  await visitor.page.waitForURL((url) => !url.pathname.startsWith('/invitations'))
}

test('a new desk leads from the set-up code to the first customer with a service', async () => {
  const { db } = fresh.desk
  const admin = await openVisitor(fresh)
  await admin.open('/')
  const setUpCode = (await issueSetUpCode(db)) ?? ''
  await admin.fill({ 'Set-up code': 'wrong', 'Your name': 'Ines Admin', 'Your email address': 'ines@desk.example' })
  await admin.press('Continue')
  await admin.page.getByRole('link', { name: 'That set-up code is not valid.' }).waitFor()
  await admin.fill({ 'Set-up code': setUpCode })
  await admin.press('Continue')
  await admin.page.waitForURL('**/invitations/**')
  await join(admin)

  await admin.page.getByRole('link', { name: 'Organisations' }).click()
  const organisation = { 'Name of the organisation': 'Fjord', 'First owner’s name': 'Ada Berg' }
  await admin.fill({ ...organisation, 'First owner’s email address': 'ada@fjord.example' })
  await admin.press('Create and invite')
  await admin.page.getByText('Fjord is there.').waitFor()
  await admin.page.getByText('No mail server is set, so 2 letters can’t be sent').waitFor()
  await expectAccessible(admin)

  const owner = await openVisitor(fresh)
  await owner.open(`/invitations/${await invitationToken(db, 'ada@fjord.example')}`)
  await join(owner)
  await owner.page.getByRole('link', { name: 'Services and keys' }).click()
  await owner.page.getByRole('link', { name: 'Add a service' }).click()
  await owner.fill({ Name: 'Shop' })
  await owner.page.getByLabel('Sandbox').check()
  await owner.press('Add the service')
  await owner.page.getByRole('link', { name: 'Get its keys' }).click()
  await owner.press('Show key')
  expect(await owner.page.locator('#secret').textContent()).toMatch(/^rk_(auth|admin)_sandbox_/)
  expect([...admin.complaints, ...owner.complaints]).toEqual([])
})

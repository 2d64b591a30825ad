import { mkdir } from 'node:fs/promises'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { beforeAll, expect, test } from 'vitest'
import { findService } from '../../src/database/keys/services.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { openRecoveryCase } from '../../src/identity/recovery/open.ts'
import { expectAccessible, LOOKS, openAs, openVisitor, typeCode, type Visitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'
import { recoveryOf } from '../support/worlds/people.ts'

const desk = await openDesk(await openTestDatabase())
const { db } = desk.desk
const shots = process.env.SHOTS
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

/** Looks at a page in every look, and keeps pictures of it where somebody asked for them. */
async function look(visitor: Visitor, name: string): Promise<void> {
  await expectAccessible(visitor, LOOKS)
  if (shots === undefined) return
  await mkdir(shots, { recursive: true })
  for (const { width, colorScheme } of LOOKS) {
    await visitor.page.setViewportSize({ width, height: 800 })
    await visitor.page.emulateMedia({ colorScheme })
    await visitor.page.screenshot({ path: `${shots}/${name}-${width}.png`, fullPage: true })
  }
  await visitor.page.setViewportSize({ width: 1280, height: 800 })
  await visitor.page.emulateMedia({ colorScheme: 'light' })
}

async function countSpent(): Promise<number> {
  return (await db.selectFrom('spentChallenge').select('hash').execute()).length
}

test('whoever lost their access has their browser do the work, without breaking the content security policy', async () => {
  const visitor = await openVisitor(desk)
  await visitor.open('/lost-access')
  await visitor.page.waitForSelector('altcha-widget [data-state="verified"]', { timeout: 60_000 })
  await look(visitor, 'lost-access')
  await visitor.fill({ 'Email address': world.people.owner.email })
  await visitor.press('Send me the link')
  await visitor.page.waitForURL('**/lost-access/sent')
  expect(await countSpent()).toBe(1)
  expect(visitor.complaints).toEqual([])
})

test('without JavaScript the form works as well, three times an hour', async () => {
  const visitor = await openVisitor(desk, { javaScriptEnabled: false })
  for (let i = 0; i < 4; i += 1) {
    await visitor.open('/lost-access')
    await visitor.fill({ 'Email address': `nobody${i}@acme.example` })
    await visitor.press('Send me the link')
    if (i < 3) await visitor.page.waitForURL('**/lost-access/sent')
  }
  expect(await visitor.page.getByRole('alert').textContent()).toContain('Too many calls')
  expect(await countSpent()).toBe(1)
})

test('an agent stops the keys that a verified caller names', async () => {
  const { agent, viewer } = world.people
  const { id } = await openRecoveryCase(db, agent.actor, recoveryOf(viewer.actor))
  const visitor = await openAs(desk, agent)
  await visitor.open(`/desk/recovery/${id}`)
  await visitor.page.getByRole('link', { name: 'Stop keys' }).click()
  await look(visitor, 'emergency-stop')
  await visitor.press('Stop these keys')
  await look(visitor, 'emergency-stop-problems')
  await visitor.page.getByLabel(/Payments EU, Auth key/).check()
  await visitor.page.getByLabel(/Every version of these keys stops/).check()
  await visitor.page.getByLabel('Why').fill('The laptop with the key was stolen.')
  await typeCode(desk, visitor, agent)
  await visitor.press('Stop these keys')
  await visitor.page.getByText('Those keys are refused from now on.').waitFor()
  await look(visitor, 'emergency-stopped')
  const versions = await db.selectFrom('version').select('revokedAt').where('id', '=', world.place.versionId).execute()
  expect(versions).toEqual([{ revokedAt: expect.any(Date) }])
  expect(visitor.complaints).toEqual([])
})

test('an owner has new keys encrypted, fetches one, and says that it is stored', async () => {
  const { owner, agent } = world.people
  const { serviceId } = await world.addService('Sealed')
  const visitor = await openAs(desk, owner)
  await visitor.open(`/services/${serviceId}`)
  await visitor.page.getByRole('link', { name: 'Delivery of new keys of Sealed' }).click()
  await visitor.page.getByLabel(/encrypted to this age recipient/).check()
  await visitor.fill({ 'Age recipient': 'age1nonsense' })
  await typeCode(desk, visitor, owner)
  await visitor.press('Save')
  await look(visitor, 'delivery-problems')
  await visitor.fill({ 'Age recipient': await identityToRecipient(await generateX25519Identity()) })
  await typeCode(desk, visitor, owner)
  await visitor.press('Save')
  await visitor.page.getByText('New keys are encrypted from now on.').waitFor()
  await look(visitor, 'delivery')
  const items = [{ serviceId, kinds: ['auth'] as const }]
  const { ref } = await submitRotation(db, owner.actor, { items, reason: 'scheduled', overlapSeconds: 86_400 })
  await approveRotation(db, agent.actor, ref, { revision: 1 })
  await work(desk)
  await visitor.open(`/rotations/${ref}`)
  await look(visitor, 'rotation-not-picked-up')
  await visitor.open('/services')
  await look(visitor, 'services')
  await visitor.open(`/rotations/${ref}/new-keys`)
  await look(visitor, 'new-keys')
  await visitor.page.getByRole('link', { name: /Fetch the file/ }).click()
  await look(visitor, 'sealed')
  const download = visitor.page.waitForEvent('download')
  await visitor.press('Download the age file')
  expect((await download).suggestedFilename()).toMatch(/^ver_.+\.age$/)
  await visitor.page.getByLabel(/I opened the file/).check()
  await visitor.press('The key is stored')
  await visitor.page.getByText('Stored by Ada Owner').waitFor()
  await look(visitor, 'receipt')
  const auth = (await findService(db, owner.actor, serviceId))?.keys.find(({ kind }) => kind === 'auth')
  await visitor.open(`/keys/${auth?.id}`)
  await look(visitor, 'key')
  await visitor.open(`/versions/${auth?.versions[0]?.id}/reissue`)
  await look(visitor, 'reissue')
  expect(visitor.complaints).toEqual([])
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { findService } from '../../src/database/keys/services.ts'
import { createGateway } from '../../src/keyring/gateways.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { openMail } from '../../src/outbox/deliver.ts'
import { startWorker } from '../../src/worker/loop.ts'
import { expectAccessible, openAs, typeCode, type Visitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { startMailServer } from '../support/smtp.ts'
import { openDesk } from '../support/web.ts'
import { until } from '../support/workers.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const mails = await startMailServer()
let world: ApiWorld
let gatewayToken: string
let owner: Visitor
let agent: Visitor

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { db, maker, log } = desk.desk
  gatewayToken = (await createGateway(db, world.people.admin.actor, { name: 'edge' })).token
  const mail = openMail({
    publicUrl: desk.url,
    mailFrom: 'desk@rekey.example',
    mailReplyTo: undefined,
    smtpUrl: mails.url,
  })
  const worker = startWorker({ db, maker, mail, log })
  afterAll(() => worker.stop())
  owner = await openAs(desk, world.people.owner)
  agent = await openAs(desk, world.people.agent)
})

async function verify(key: string): Promise<string> {
  const headers = { authorization: `Bearer ${gatewayToken}` }
  const { json } = await desk.call('POST', '/v1/keys/verify', { headers, body: { key } })
  return z.object({ code: z.string() }).parse(json).code
}

/** The first secrets of a new service, as its owner picked them up long ago. */
async function pickUp(serviceId: string): Promise<string[]> {
  const { db, sealer } = desk.desk
  const service = await findService(db, world.people.owner.actor, serviceId)
  const secrets: string[] = []
  for (const key of service?.keys ?? []) {
    const version = key.versions[0]?.id ?? ''
    secrets.push((await revealVersion(db, sealer, world.people.owner.actor, version)).secret)
  }
  return secrets
}

/** What the mails of a rotation told this person, in the order they came. */
function toldTo(address: string, ref: string): string[] {
  const mine = mails.to(address).filter((mail) => mail.header('subject')?.includes(ref))
  return mine.map((mail) => mail.parsed.text ?? '')
}

async function file(): Promise<string> {
  const { page } = owner
  await page.getByRole('link', { name: 'Request a rotation' }).click()
  for (const service of ['Payments EU', 'Payments US']) {
    for (const kind of ['Auth key', 'Admin key']) await page.getByLabel(`${kind} of ${service}`).check()
  }
  await page.getByLabel('Scheduled rotation').check()
  await page.getByLabel('7 days').check()
  await owner.press('Continue')
  await expectAccessible(owner)
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Send the request')
  await page.waitForURL('**/filed')
  await expectAccessible(owner)
  return /ROT-\d+/.exec(page.url())?.[0] ?? ''
}

async function approve(ref: string): Promise<void> {
  const { page } = agent
  await page.getByRole('link', { name: ref }).click()
  await expectAccessible(agent)
  await agent.fill({ 'Note to the record (optional)': 'As agreed.' })
  await typeCode(desk, agent, world.people.agent)
  await agent.press('Approve')
  await page.getByText('As agreed.').first().waitFor()
}

async function reveal(): Promise<string[]> {
  const { page } = owner
  const secrets: string[] = []
  await page.getByRole('link', { name: 'Get new keys' }).click()
  for (let left = 4; left > 0; left--) {
    await typeCode(desk, owner, world.people.owner)
    await owner.press('Show key')
    secrets.push((await page.locator('#secret').textContent()) ?? '')
    if (left === 4) await expectAccessible(owner)
    await page.getByRole('link', { name: 'I have stored it' }).click()
  }
  return secrets
}

async function revokeEarly(ref: string): Promise<void> {
  const { page } = owner
  await owner.open(`/rotations/${ref}`)
  await page.getByRole('link', { name: 'Stop the old keys early' }).click()
  await expectAccessible(owner)
  await page.getByLabel('I have moved everything').check()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Stop the old keys now')
  await page.waitForURL(`**/rotations/${ref}`)
}

test('a rotation goes from the request to old keys that are refused, as its people see it', async () => {
  const { email } = world.people.owner
  const us = await world.addService('Payments US')
  const oldKeys = [...(await pickUp(world.place.serviceId)), ...(await pickUp(us.serviceId))]
  for (const key of oldKeys) expect(await verify(key)).toBe('VALID')

  await owner.open('/rotations')
  const ref = await file()
  await agent.open('/queue')
  await approve(ref)

  await owner.open(`/rotations/${ref}`)
  // The page refreshes its status by itself once the worker has made the keys.
  await owner.page.getByText('Old and new keys work side by side').first().waitFor({ timeout: 15_000 })
  await owner.open(`/rotations/${ref}`)
  await expectAccessible(owner)
  const newKeys = await reveal()
  expect(new Set(newKeys).size).toBe(4)
  for (const key of [...oldKeys, ...newKeys]) expect(await verify(key)).toBe('VALID')

  await revokeEarly(ref)
  for (const key of oldKeys) expect(await verify(key)).toBe('REVOKED')
  for (const key of newKeys) expect(await verify(key)).toBe('VALID')

  await until('the last letter', async () => toldTo(email, ref).some((text) => text.includes('is complete')))
  expect(toldTo(world.people.agent.email, ref)).toHaveLength(1)
  // Received, approved, new keys ready, old keys revoked, completed.
  expect(toldTo(email, ref)).toHaveLength(5)
  const everything = mails.received.map((mail) => mail.raw).join() + desk.logged.join()
  for (const key of [...oldKeys, ...newKeys]) expect(everything).not.toContain(key)

  await owner.open(`/rotations/${ref}`)
  await owner.page.getByText('Completed').first().waitFor()
  await expectAccessible(owner)
  expect([...owner.complaints, ...agent.complaints]).toEqual([])
})

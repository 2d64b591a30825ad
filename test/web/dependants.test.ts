import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { approveRotation } from '../../src/desk/decide.ts'
import { rollBack } from '../../src/desk/follow-ups/roll-back.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, type Place, work } from '../support/worlds/api-world.ts'
import type { Enrolled } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld
let count = 0

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

/** A service whose Auth key has an account and a KMS, registered by API. */
async function newPlace(): Promise<Place> {
  count += 1
  const place = await world.addService(`Bound ${count}`)
  const bodies = [
    { type: 'virtual_account', name: 'Sales <EUR>' },
    { type: 'kms', name: 'Ledger' },
  ]
  for (const body of bodies) {
    const { status, json } = await world.clients.owner.call('POST', `/v1/keys/${place.authKeyId}/dependants`, { body })
    expect([status, json]).toMatchObject([201, { ...body, exactKey: body.type === 'kms', keyId: place.authKeyId }])
  }
  return place
}

async function file({ serviceId }: Place, overlapSeconds = 86_400): Promise<string> {
  const { owner } = world.people
  const items = [{ serviceId, kinds: ['auth', 'admin'] as const }]
  return (await submitRotation(desk.desk.db, owner.actor, { items, reason: 'compromised', overlapSeconds })).ref
}

async function execute(ref: string): Promise<void> {
  await approveRotation(desk.desk.db, world.people.agent.actor, ref, { revision: 1 })
  await work(desk)
}

function headersOf(person: Enrolled) {
  return { accept: 'text/html', cookie: `__Host-rekey=${person.sessionToken}`, origin: desk.url }
}

/** A page as its reader sees it: without its marks, white space made single. */
async function read(path: string, person: Enrolled = world.people.owner): Promise<string> {
  const { text } = await desk.call('GET', path, { headers: headersOf(person) })
  return plain(text)
}

function plain(html: string): string {
  return html
    .replaceAll(/<[^>]+>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll(/\s+/g, ' ')
}

async function send(path: string, fields: Record<string, string>, person: Enrolled = world.people.owner) {
  const text = new URLSearchParams({ formToken: person.bearer.formToken ?? '', ...fields }).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  return desk.call('POST', path, { headers: { ...headersOf(person), ...type }, text })
}

const TASKS = z.object({
  items: z.array(z.object({ keyId: z.string(), tasks: z.array(z.object({ id: z.string(), state: z.string() })) })),
})

async function tasksOf(ref: string) {
  const { json } = await world.clients.owner.call('GET', `/v1/rotations/${ref}`)
  return TASKS.parse(json).items.flatMap(({ tasks }) => tasks)
}

test('the API lists what depends on a key page by page, and no longer what was struck off', async () => {
  const { owner } = world.clients
  const { authKeyId } = await newPlace()
  const path = `/v1/keys/${authKeyId}/dependants`
  const list = z.object({
    items: z.array(z.object({ id: z.string(), name: z.string() })),
    nextCursor: z.string().nullable(),
  })
  const first = list.parse((await owner.call('GET', `${path}?limit=1`)).json)
  const second = list.parse((await owner.call('GET', `${path}?limit=1&cursor=${first.nextCursor}`)).json)
  expect([...first.items, ...second.items].map(({ name }) => name)).toEqual(['Sales <EUR>', 'Ledger'])
  expect(second.nextCursor).toBeNull()
  const id = first.items[0]?.id ?? ''
  expect((await owner.call('DELETE', `/v1/dependants/${id}`)).status).toBe(204)
  expect((await owner.call('DELETE', `/v1/dependants/${id}`)).status).toBe(404)
  expect(list.parse((await owner.call('GET', path)).json).items).toMatchObject([{ name: 'Ledger' }])
  const again = await owner.call('POST', path, { body: { type: 'kms', name: 'ledger' } })
  expect([again.status, again.json]).toMatchObject([409, { code: 'NAME_TAKEN' }])
})

test('everybody who may see a key sees on its page what depends on it, and owners where to change that', async () => {
  const { authKeyId } = await newPlace()
  for (const person of [world.people.owner, world.people.viewer, world.people.agent]) {
    const page = await read(`/keys/${authKeyId}`, person)
    expect(page).toContain('Sales <EUR> Virtual account, bound to the key')
    expect(page).toContain('Ledger KMS, holds the very key')
    expect(page.includes('Change what depends on it')).toBe(person === world.people.owner)
  }
})

test('an owner registers on the page and strikes off again; a form sent twice does it once', async () => {
  const { authKeyId } = await world.addService('By page')
  const path = `/keys/${authKeyId}/dependants`
  const missing = await send(path, { draft: 'd1', name: ' ' })
  expect(missing.status).toBe(422)
  expect(plain(missing.text)).toMatch(/Choose what it is\..*Enter a name\..*Choose what happens/)
  const fields = { draft: 'd2', type: 'kms', name: 'Vault', bound: 'secret' }
  expect((await send(path, fields)).status).toBe(303)
  expect((await send(path, fields)).status).toBe(303)
  const taken = await send(path, { ...fields, draft: 'd3' })
  expect([taken.status, taken.text]).toEqual([422, expect.stringContaining('value="Vault"')])
  const { text } = await desk.call('GET', path, { headers: headersOf(world.people.owner) })
  const id = /name="dependant" value="(dep_\w+)"/.exec(text)?.[1] ?? ''
  expect((await send(`${path}/removal`, { dependant: id })).status).toBe(303)
  expect((await send(`${path}/removal`, { dependant: id })).status).toBe(303)
  expect(await read(path)).toContain('Nothing is registered yet')
})

test('what depends on the keys is named, with what becomes of it, before a rotation is sent and when it is decided', async () => {
  const place = await newPlace()
  const asked = { key: place.authKeyId, reason: 'scheduled', details: '', notBefore: '', overlap: '86400' }
  const check = plain((await send('/rotations/check', asked)).text)
  expect(check).toContain('Sales <EUR> (Virtual account) goes on')
  expect(check).toContain('Ledger (KMS) has to be given the new key before the old one stops')
  const atOnce = plain((await send('/rotations/check', { ...asked, reason: 'compromised', overlap: '0' })).text)
  expect(atOnce).toContain('Ledger (KMS) stops with the old key, until it is given the new one')
  const decision = await read(`/rotations/${await file(place)}`, world.people.agent)
  expect(decision).toContain('Ledger (KMS) has to be given the new key')
})

test('what depends on its keys is named before a service is removed', async () => {
  const { serviceId } = await newPlace()
  const page = await read(`/services/${serviceId}/removal`)
  expect(page).toContain('Sales <EUR> (Virtual account) stops at once, for good')
  expect(page).toContain('Ledger (KMS) stops at once, for good')
})

test('a task is ticked off on the rotation’s page or by API, and the page says what is open', async () => {
  const ref = await file(await newPlace())
  expect(await tasksOf(ref)).toEqual([])
  await execute(ref)
  const [task] = await tasksOf(ref)
  const path = `/rotations/${ref}`
  expect(await read(path)).toContain('1 dependant still to be given the new key.')
  expect(await read(path)).toContain('Ledger (KMS) still holds the old key. Give it the new one')
  expect(await read(`${path}/early-revocation`)).toContain('Not given the new key yet: Ledger.')
  expect(await read(path, world.people.viewer)).not.toContain('It has the new key')

  const ticked = await send(`/tasks/${task?.id}`, { holds: 'new' }, world.people.developer)
  expect([ticked.status, ticked.headers.location]).toEqual([303, expect.stringContaining(`${path}#tasks-`)])
  expect(await read(path)).toContain('Ledger (KMS) has the new key. Ticked off by Dev')
  expect(await read(path)).toContain('Ledger was given the new key')
  expect(await read(path)).not.toContain('still to be given')
  expect(await read(`${path}/rollback`)).toContain('has to be given the old one again: Ledger.')

  const { owner } = world.clients
  const completion = `/v1/tasks/${task?.id}/completion`
  expect((await owner.call('DELETE', completion)).status).toBe(204)
  expect(await tasksOf(ref)).toMatchObject([{ state: 'to_do' }])
  const completed = await owner.call('POST', completion)
  expect([completed.status, completed.json]).toMatchObject([200, { state: 'done', doneBy: { name: 'Ada Owner' } }])
})

test('what was given a new key that is rolled back is told to be given the old one again', async () => {
  const place = await newPlace()
  const items = [{ serviceId: place.serviceId, kinds: ['auth'] as const }]
  const filing = { items, reason: 'scheduled', overlapSeconds: 86_400 } as const
  const { ref } = await submitRotation(desk.desk.db, world.people.owner.actor, filing)
  await execute(ref)
  const [task] = await tasksOf(ref)
  await send(`/tasks/${task?.id}`, { holds: 'new' })
  await rollBack(desk.desk.db, world.people.owner.actor, ref)
  expect(await read(`/rotations/${ref}`)).toContain('1 dependant to be given the old key again.')
  await send(`/tasks/${task?.id}`, { holds: 'old' })
  expect(await read(`/rotations/${ref}`)).not.toContain('Ledger (KMS)')
})

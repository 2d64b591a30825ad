import { beforeAll, expect, test } from 'vitest'
import { approveRotation } from '../../src/desk/decide.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, type Place, work } from '../support/worlds/api-world.ts'
import { type Enrolled, unusedCode } from '../support/worlds/people.ts'
import { readRotation } from '../support/worlds/story.ts'

const database = await openTestDatabase()
const { db } = database
const desk = await openDesk(database)
let world: ApiWorld
let count = 0

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

async function newPlace(): Promise<Place> {
  count += 1
  return world.addService(`Paged ${count}`)
}

/** A browser's session, which changes with every code. */
async function session(who: Enrolled): Promise<{ get: (path: string) => Promise<Answer>; post: typeof post }> {
  let token = who.sessionToken
  const send = async (method: string, path: string, form?: URLSearchParams): Promise<Answer> => {
    const type = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', origin: desk.url }
    const headers = { accept: 'text/html', cookie: `__Host-rekey=${token}`, ...type }
    const answer = await desk.call(method, path, { headers, ...(form ? { text: form.toString() } : {}) })
    token = /__Host-rekey=([^;]+)/.exec(answer.headers['set-cookie'] ?? '')?.[1] ?? token
    who.sessionToken = token
    return answer
  }
  async function post(path: string, fields: Record<string, string>): Promise<Answer> {
    return send('POST', path, new URLSearchParams({ formToken: who.bearer.formToken ?? '', ...fields }))
  }
  return { get: (path) => send('GET', path), post }
}

const ORDINARY = { reason: 'lost', details: '', notBefore: '', overlap: '3600', otherDays: '' }

async function rotationIn({ serviceId }: Place): Promise<string> {
  const item = await db.selectFrom('item').select('rotationRef').where('serviceId', '=', serviceId).execute()
  return item.at(-1)?.rotationRef ?? ''
}

test('the staff choose an organisation, then the owner and the keys, and send it with a code', async () => {
  const { agent, owner } = world.people
  const place = await newPlace()
  const browser = await session(agent)
  expect((await browser.get('/rotations/new')).text).toContain('For which organisation?')
  const form = await browser.get(`/rotations/new?organisation=${place.organisationId}`)
  expect(form.text).toContain('How did you verify them?')
  expect(form.text).toContain('ada@acme.example')
  expect(form.text).not.toContain('rex@rivals.example')

  const fields = {
    ...ORDINARY,
    organisation: place.organisationId,
    owner: owner.actor.personId,
    verifiedBy: 'Called back.',
    key: place.authKeyId,
  }
  const missing = await browser.post('/rotations/check', { ...fields, owner: '', verifiedBy: '' })
  expect(missing.status).toBe(422)
  expect(missing.text).toContain('Choose who asked for it.')
  expect(missing.text).toContain('Say how you verified who was calling.')
  const check = await browser.post('/rotations/check', fields)
  expect(check.status).toBe(200)
  for (const words of ['Ada Owner', 'Called back.', 'Two others of the staff', 'All owners get an email at once']) {
    expect(check.text).toContain(words)
  }
  const sent = await browser.post('/rotations', { ...fields, code: await unusedCode(db, agent) })
  expect(sent.status).toBe(303)
  const ref = await rotationIn(place)
  expect(sent.headers.location).toBe(`/rotations/${ref}/filed`)
  expect(await readRotation(db, ref)).toMatchObject({ requester: { name: 'Ada Owner' }, verifiedBy: 'Called back.' })
  expect((await browser.get(`/rotations/${ref}/filed`)).text).toContain('Request sent')
  const again = await browser.post('/rotations', { ...fields, code: await unusedCode(db, agent) })
  expect(again.headers.location).toBe(`/rotations/${ref}/filed`)

  const decider = await session(world.people.otherAgent)
  const page = (await decider.get(`/rotations/${ref}`)).text
  for (const words of ['It was filed on behalf of Ada Owner', 'How the caller was verified', 'Approve (1 of 2)']) {
    expect(page).toContain(words)
  }
  expect((await browser.get(`/rotations/${ref}`)).text).toContain('somebody else has to decide')
  const theirs = await session(owner)
  expect((await theirs.get(`/rotations/${ref}`)).text).toContain('Called back.')
})

test('an owner’s form files for nobody else and no other organisation, whatever it sends', async () => {
  const place = await newPlace()
  const browser = await session(world.people.owner)
  const fields = { ...ORDINARY, key: place.authKeyId, code: await unusedCode(db, world.people.owner) }
  const foreign = { organisation: world.foreign.organisationId, owner: world.people.rival.actor.personId }
  expect((await browser.post('/rotations', { ...fields, ...foreign, verifiedBy: 'x' })).status).toBe(303)
  const filed = await readRotation(db, await rotationIn(place))
  expect(filed).toMatchObject({ organisationId: place.organisationId, verifiedBy: null })
  const missing = await browser.get(`/rotations/new?replaces=${await rotationIn(place)}1`)
  expect(missing.status).toBe(404)
})

test('a person on hold reads until when before filling the form in, and is stopped before the last step', async () => {
  const { owner } = world.people
  const account = db.updateTable('person').where('id', '=', owner.actor.personId)
  const place = await newPlace()
  await account.set({ passwordChangedAt: new Date() }).execute()
  const browser = await session(owner)
  expect((await browser.get('/rotations/new')).text).toContain('your requests wait until')
  const fields = { ...ORDINARY, key: place.authKeyId }
  const held = await browser.post('/rotations/check', fields)
  expect([held.status, held.text.includes('has to wait until')]).toEqual([422, true])
  expect((await browser.post('/rotations/check', { ...fields, reason: 'compromised' })).status).toBe(200)
  const keys = (await browser.get(`/services/${place.serviceId}/new-keys`)).text
  expect(keys).toContain('Another owner can do it now')
  const code = await unusedCode(db, owner)
  const reveal = await browser.post(`/services/${place.serviceId}/new-keys`, { versionId: place.versionId, code })
  expect([reveal.status, reveal.text.includes('picking up keys has to wait')]).toEqual([422, true])
  await account.set({ passwordChangedAt: null }).execute()
  expect((await browser.get('/rotations/new')).text).not.toContain('your requests wait until')
})

test('from a rotation in overlap an owner replaces it, and reads which keys stop before sending it', async () => {
  const { owner, agent } = world.people
  const place = await newPlace()
  const items = [{ serviceId: place.serviceId, kinds: ['auth'] as const }]
  const { ref: old } = await submitRotation(db, owner.actor, { items, reason: 'scheduled', overlapSeconds: 86_400 })
  await approveRotation(db, agent.actor, old, { revision: 1 })
  await work(desk)
  const browser = await session(owner)
  const way = `/rotations/new?replaces=${old}`
  expect((await browser.get(`/rotations/${old}`)).text).toContain('A key was leaked')
  const form = (await browser.get(way)).text
  expect(form).toContain('These old keys stop at that very moment')
  expect(form).toMatch(new RegExp(`value="${place.authKeyId}" checked`))
  expect(form).toMatch(/value="compromised" checked/)
  const fields = { ...ORDINARY, replaces: old, key: place.authKeyId }
  expect((await browser.post('/rotations/check', fields)).text).toContain('Only a leaked key is a reason')
  const leak = { ...fields, reason: 'compromised' }
  const check = (await browser.post('/rotations/check', leak)).text
  expect(check).toContain('These old keys stop at that very moment')
  const sent = await browser.post('/rotations', { ...leak, code: await unusedCode(db, owner) })
  expect(sent.status).toBe(303)
  expect(await readRotation(db, old)).toMatchObject({ status: 'closed' })
  expect((await browser.get(`/rotations/${old}`)).text).toContain('since a key was leaked.')
  const again = await browser.post('/rotations', { ...leak, code: await unusedCode(db, owner) })
  expect(again.headers.location).toBe(sent.headers.location)
})

test('a replacement that came too late leads back to the form, which says what is over', async () => {
  const { owner } = world.people
  const place = await newPlace()
  const items = [{ serviceId: place.serviceId, kinds: ['auth'] as const }]
  const { ref: old } = await submitRotation(db, owner.actor, { items, reason: 'scheduled', overlapSeconds: 0 })
  for (const { actor } of [world.people.agent, world.people.otherAgent]) {
    await approveRotation(db, actor, old, { revision: 1 })
  }
  await work(desk)
  const browser = await session(owner)
  const fields = { ...ORDINARY, reason: 'compromised', replaces: old, key: place.authKeyId }
  const late = await browser.post('/rotations', { ...fields, code: await unusedCode(db, owner) })
  expect([late.status, late.text.includes(`${old} is over`)]).toEqual([422, true])
})

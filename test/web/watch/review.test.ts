import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { mergePermissions, mergeUses } from '../../../src/database/watch/merge.ts'
import { openTestDatabase } from '../../support/database.ts'
import { openDesk } from '../../support/web.ts'
import { type ApiWorld, makeApiWorld, type Place } from '../../support/worlds/api-world.ts'
import { type Enrolled, unusedCode } from '../../support/worlds/people.ts'

const desk = await openDesk(await openTestDatabase())
const { db } = desk.desk
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
  await use(world.place)
})

/** As if a gateway had asked the Auth key for reading a moment ago. */
async function use({ authKeyId, versionId }: Place): Promise<void> {
  const at = new Date()
  await mergeUses(db, [{ versionId, firstUsedAt: at, lastUsedAt: at, lastNetwork: null }])
  await mergePermissions(db, [{ keyId: authKeyId, permission: 'read_only', lastUsedAt: at }])
}

const pageHeaders = ({ sessionToken }: Enrolled) => {
  return { accept: 'text/html', cookie: `__Host-rekey=${sessionToken}`, origin: desk.url }
}
const open = (path: string, person: Enrolled) => desk.call('GET', path, { headers: pageHeaders(person) })

function send(person: Enrolled, fields: Record<string, string>) {
  const text = new URLSearchParams({ formToken: person.bearer.formToken ?? '', ...fields }).toString()
  const headers = { ...pageHeaders(person), 'content-type': 'application/x-www-form-urlencoded' }
  return desk.call('POST', '/permission-review', { headers, text })
}

const draftOf = (text: string) => /name="draft" value="([^"]+)"/.exec(text)?.[1] ?? ''
const permissionOf = async (id: string) =>
  (await db.selectFrom('key').select('permission').where('id', '=', id).executeTakeFirstOrThrow()).permission

test('an owner evaluates, lowers with a code, and finds the review in the history; what was chosen survives a wrong code', async () => {
  const place = await world.addService('Ledger <b>')
  await use(place)
  const { owner, agent } = world.people
  await db.deleteFrom('stepUp').execute()
  const page = await open('/permission-review', owner)
  expect(page.text).toContain('May do more than it did')
  expect(page.text).toContain('Think of this: lower it to “Read only”.')
  const field = `decision-${place.authKeyId}`
  const draft = draftOf(page.text)
  const wrong = await send(owner, { draft, [field]: 'read_only', code: '000000' })
  expect(wrong.status).toBe(422)
  expect(wrong.text).toMatch(new RegExp(`name="${field}">.*?<option value="read_only" selected>`, 's'))
  expect(await permissionOf(place.authKeyId)).toBe('read_write')

  const code = await unusedCode(db, owner)
  const fields = { draft, [field]: 'read_only', code }
  const sent = await send(owner, fields)
  // The code made the session a new one, as it does in a browser.
  const sessionToken = /__Host-rekey=([^;]+)/.exec(String(sent.headers['set-cookie']))?.[1] ?? ''
  const signedIn = { ...owner, sessionToken }
  const again = await send(signedIn, fields)
  expect([sent.status, again.status]).toEqual([303, 303])
  expect(await permissionOf(place.authKeyId)).toBe('read_only')
  const reviews = await db.selectFrom('permissionReview').select('id').execute()
  expect(reviews).toHaveLength(1)

  const history = await open('/permission-review?done', signedIn)
  expect(history.text).toContain(`/permission-review/${reviews[0]?.id}`)
  expect(history.text).toContain('1 lowered and 3 kept')
  const one = await open(`/permission-review/${reviews[0]?.id}`, agent)
  expect(one.text).toContain('Lowered to Read only')
  expect(one.text).toContain('Ledger &lt;b&gt;')
})

test('the staff see when each organisation looked last, and its keys, but decide nothing', async () => {
  const { agent } = world.people
  const list = await open('/permission-review', agent)
  expect(list.text).toContain(`/permission-review?organisation&#x3D;${world.place.organisationId}`)
  const page = await open(`/permission-review?organisation=${world.place.organisationId}`, agent)
  expect(page.text).toContain('Payments EU')
  expect(page.text).not.toContain('<select')
  const foreign = await open(`/permission-review?organisation=${world.place.organisationId}`, world.people.rival)
  expect(foreign.status).toBe(404)
})

test('the evaluation is exported as CSV and as JSON, and no name in it is a formula', async () => {
  const exported = (format: string) =>
    `/permission-review/export?organisation=${world.place.organisationId}&format=${format}`
  await world.addService('=HYPERLINK("x")')
  const csv = await open(exported('csv'), world.people.agent)
  expect(csv.headers['content-type']).toContain('text/csv')
  expect(csv.text.split('\r\n')[0]).toContain('permission,used in 90 days,last used')
  expect(csv.text).toContain(`"'=HYPERLINK(""x"")"`)
  expect(csv.text).toMatch(new RegExp(`${world.place.authKeyId},auth,yes,read_write,read_only,.*,too_wide`))
  const json = await open(exported('json'), world.people.agent)
  expect(json.headers['content-disposition']).toContain('.json')
  expect(json.json).toMatchObject({
    organisation: 'Acme',
    keys: expect.arrayContaining([expect.objectContaining({ keyId: world.place.authKeyId, finding: 'too_wide' })]),
  })
})

test('a script evaluates, carries a review out with a step-up, once per idempotency key, and reads the history', async () => {
  const { owner, agent, rival } = world.clients
  const place = await world.addService('Scripted')
  const evaluation = z.object({ dueAt: z.string(), keys: z.array(z.looseObject({ keyId: z.string() })) })
  const found = evaluation.parse((await owner.call('GET', '/v1/permission-review')).json)
  expect(found.keys).toContainEqual(expect.objectContaining({ keyId: place.authKeyId, finding: 'young' }))
  const body = { changes: [{ keyId: place.authKeyId, do: 'disable' }] }
  expect((await owner.call('POST', '/v1/permission-review', { body })).status).toBe(403)
  const headers = { 'idempotency-key': 'review 1'.replace(' ', '-') }
  const done = await owner.confirmed('POST', '/v1/permission-review', { body, headers })
  expect(done.status, done.text).toBe(201)
  expect(done.json).toMatchObject({
    by: { name: 'Ada Owner' },
    findings: expect.arrayContaining([expect.objectContaining({ keyId: place.authKeyId, decision: 'disable' })]),
  })
  const replay = await owner.confirmed('POST', '/v1/permission-review', { body, headers })
  expect(replay.json).toEqual(done.json)
  const history = await agent.call('GET', `/v1/permission-reviews?organisationId=${place.organisationId}&limit=1`)
  expect(history.json).toMatchObject({ items: [{ id: z.object({ id: z.string() }).parse(done.json).id }] })
  expect((await agent.call('GET', '/v1/permission-review')).status).toBe(400)
  const foreign = await rival.call('GET', `/v1/permission-review?organisationId=${place.organisationId}`)
  expect(foreign.status).toBe(404)
  expect((await rival.confirmed('POST', '/v1/permission-review', { body })).status).toBe(404)
  expect((await rival.call('GET', '/v1/permission-reviews')).json).toEqual({ items: [], nextCursor: null })
})

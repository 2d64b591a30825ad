import { beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/database/ids.ts'
import { addDependant } from '../../src/keyring/dependants/add.ts'
import { editKey } from '../../src/keyring/keys/edit.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { readKey, recordedOf } from '../support/worlds/keys.ts'
import { unusedCode } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = desk.desk
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

/** The owner's browser: a code that is given changes the session. */
const browser = { cookie: '', formToken: '' }

async function open(path: string): Promise<string> {
  browser.cookie ||= `__Host-rekey=${world.people.owner.sessionToken}`
  const { text } = await desk.call('GET', path, { headers: { accept: 'text/html', cookie: browser.cookie } })
  browser.formToken = hidden(text, 'formToken')
  return text
}

/** Sends a form with a code; with the step-up that an earlier one gave, none is looked at. */
async function send(path: string, fields: Record<string, string>): Promise<Answer> {
  const { owner } = world.people
  const form = { formToken: browser.formToken, code: await unusedCode(db, owner), ...fields }
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const headers = { accept: 'text/html', cookie: browser.cookie, origin: desk.url, ...type }
  const answer = await desk.call('POST', path, { headers, text: new URLSearchParams(form).toString() })
  const renewed = /__Host-rekey=[^;]+/.exec(answer.headers['set-cookie'] ?? '')
  if (renewed !== null) browser.cookie = renewed[0]
  return answer
}

function hidden(html: string, name: string): string {
  const value = new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1] ?? ''
  return value.replaceAll('&quot;', '"').replaceAll('&#x27;', "'").replaceAll('&amp;', '&')
}

test('saving the form of a key undoes nothing that somebody else changed while it was open', async () => {
  const { authKeyId: id } = world.place
  const was = hidden(await open(`/keys/${id}/edit`), 'was')
  await editKey(db, world.people.owner.actor, id, { ipRanges: ['192.0.2.1'], datasets: ['orders'] })
  const typed = { was, name: 'Ledger', description: '', permission: 'read_write', ipRanges: '', newDatasets: '' }
  expect((await send(`/keys/${id}/edit`, typed)).status).toBe(303)
  expect(await readKey(db, id)).toMatchObject({ name: 'Ledger', ipRanges: ['192.0.2.1'], datasets: ['orders'] })
})

test('what is wrong in the form is said beside it, with the typed text kept and nothing done', async () => {
  const { authKeyId: id } = world.place
  const was = hidden(await open(`/keys/${id}/edit`), 'was')
  const wrong = {
    was,
    name: 'Other',
    description: 'typed',
    permission: 'admin',
    ipRanges: 'here\nthere',
    newDatasets: '',
  }
  const answer = await send(`/keys/${id}/edit`, wrong)
  expect(answer.status).toBe(422)
  expect(answer.text).toContain('“here” is no address or range')
  for (const text of ['href="#ipRanges"', 'value="Other"', 'typed</textarea>', 'here\nthere']) {
    expect(answer.text).toContain(text)
  }
  expect((await readKey(db, id)).name).not.toBe('Other')
  const broken = await send(`/keys/${id}/edit`, { ...wrong, was: '{' })
  expect([broken.status, broken.text]).toEqual([422, expect.stringContaining('Open the key again.')])
})

test('a form that is sent twice makes one key, one dataset, one switch and one deletion', async () => {
  const { serviceId } = world.place
  const draft = hidden(await open(`/services/${serviceId}/keys/new`), 'draft')
  const key = { draft, kind: 'auth', name: 'Twice', permission: 'read_only' }
  const sent = await Promise.all([send(`/services/${serviceId}/keys`, key), send(`/services/${serviceId}/keys`, key)])
  expect(sent.map(({ status }) => status).toSorted()).toEqual(expect.arrayContaining([303]))
  const made = await db.selectFrom('key').select('id').where('name', '=', 'Twice').execute()
  expect(made).toHaveLength(1)
  const id = made[0]?.id ?? ''
  const named = { draft: hidden(await open(`/services/${serviceId}/datasets/new`), 'draft'), name: 'twice' }
  for (const _ of [1, 2]) expect((await send(`/services/${serviceId}/datasets`, named)).status).toBe(303)
  expect(await db.selectFrom('dataset').select('id').where('name', '=', 'twice').execute()).toHaveLength(1)
  const turn = { draft: hidden(await open(`/keys/${id}/disabling`), 'draft') }
  for (const _ of [1, 2]) expect((await send(`/keys/${id}/disabling`, turn)).status).toBe(303)
  const gone = { draft: hidden(await open(`/keys/${id}/deletion`), 'draft'), confirmName: 'Twice' }
  for (const _ of [1, 2]) expect((await send(`/keys/${id}/deletion`, gone)).status).toBe(303)
  expect(await recordedOf(db, id)).toEqual(['key.create', 'key.disable', 'key.delete'])
})

test('a key’s own page leads to the form that rotates it, and for staff to filing on behalf', async () => {
  const { authKeyId, organisationId } = world.place
  const seenBy = async (who: { sessionToken: string }) => {
    const headers = { accept: 'text/html', cookie: `__Host-rekey=${who.sessionToken}` }
    return (await desk.call('GET', `/keys/${authKeyId}`, { headers })).text.replaceAll('&#x3D;', '=')
  }
  const { agent, viewer } = world.people
  expect((await open(`/keys/${authKeyId}`)).replaceAll('&#x3D;', '=')).toContain(`/rotations/new?key=${authKeyId}"`)
  expect(await seenBy(agent)).toContain(`/rotations/new?organisation=${organisationId}&amp;key=${authKeyId}"`)
  expect(await seenBy(viewer)).not.toContain('/rotations/new?')
})

test('rolling a key that something must hold one to one leaves the old one as long as may be, unless its owner says otherwise', async () => {
  const { authKeyId, serviceId } = world.place
  const chosen = async () => /<input[^>]*name="overlap"[^>]*value="([^"]*)"[^>]* checked/.exec(await open(path))?.[1]
  const path = `/keys/${authKeyId}/roll`
  await db
    .insertInto('servicePolicy')
    .values({ serviceId, selfService: true, longestOverlapSeconds: 604_800 })
    .execute()
  expect(await chosen()).toBe('pickup')
  await addDependant(db, world.people.owner.actor, authKeyId, { type: 'kms', name: 'Vault' })
  expect(await chosen()).toBe('604800')
})

test.each([
  ['password_changed', 'other'],
  ['member_removed', 'staff_change'],
] as const)('what is proposed after %s comes filled in, with the reason “%s”', async (cause, reason) => {
  const { organisationId, authKeyId } = world.place
  const id = newId('proposal')
  const personId = world.people.owner.actor.personId
  const row = { id, organisationId, personId, cause, keyIds: [authKeyId], at: new Date() }
  await db.insertInto('proposal').values(row).execute()
  const page = await open(`/rotations/new?proposal=${id}`)
  expect(page).toMatch(new RegExp(`<input[^>]*value="${reason}"[^>]* checked`))
  await db.deleteFrom('proposal').where('id', '=', id).execute()
})

import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { beforeAll, expect, test } from 'vitest'
import { findService } from '../../src/database/keys/services.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'
import { unusedCode } from '../support/worlds/people.ts'

const desk = await openDesk(await openTestDatabase())
const { db } = desk.desk
const identity = await generateX25519Identity()
const recipient = await identityToRecipient(identity)
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

type Who = 'owner' | 'agent' | 'viewer'

async function get(path: string, who: Who = 'owner'): Promise<Answer> {
  const cookie = `__Host-rekey=${world.people[who].sessionToken}`
  return desk.call('GET', path, { headers: { accept: 'text/html', cookie } })
}

async function post(path: string, fields: Record<string, string>): Promise<Answer> {
  const { sessionToken, bearer } = world.people.owner
  const headers = { accept: 'text/html', cookie: `__Host-rekey=${sessionToken}`, origin: desk.url }
  const form = new URLSearchParams({ formToken: bearer.formToken ?? '', ...fields }).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await desk.call('POST', path, { headers: { ...headers, ...type }, text: form })
  const renewed = /__Host-rekey=([^;]+)/.exec(answer.headers['set-cookie'] ?? '')?.[1]
  if (renewed !== undefined) world.people.owner.sessionToken = renewed
  return answer
}

async function code(): Promise<string> {
  return unusedCode(db, world.people.owner)
}

/** A rotation of a service whose new keys are encrypted. */
async function sealedRotation() {
  const { serviceId } = await world.addService(`Sealed ${Math.random()}`)
  await post(`/services/${serviceId}/delivery`, { how: 'sealed', ageRecipient: recipient, code: await code() })
  const items = [{ serviceId, kinds: ['auth'] as const }]
  const { owner, agent } = world.people
  const { ref } = await submitRotation(db, owner.actor, { items, reason: 'scheduled', overlapSeconds: 86_400 })
  await approveRotation(db, agent.actor, ref, { revision: 1 })
  await work(desk)
  const key = (await findService(db, owner.actor, serviceId))?.keys.find(({ kind }) => kind === 'auth')
  return { ref, serviceId, keyId: key?.id ?? '', versionId: key?.versions[0]?.id ?? '' }
}

test('a new key goes from the setting to the file to the receipt, which stays, on pages alone', async () => {
  const { ref, keyId, versionId, serviceId } = await sealedRotation()
  expect((await get(`/services/${serviceId}`)).text).toContain('new keys encrypted')
  for (const page of [`/services/${serviceId}`, `/rotations/${ref}`, `/keys/${keyId}`]) {
    expect([page, (await get(page, 'viewer')).text.includes('Not picked up')]).toEqual([page, true])
  }
  expect((await get('/queue?view=all', 'agent')).text).toContain('1 not picked up')
  expect((await get(`/rotations/${ref}/new-keys`)).text).toContain(`/versions/${versionId}/sealed`)
  const early = await post(`/versions/${versionId}/acknowledgement`, { stored: 'yes' })
  expect(early.text).toContain('Nobody has fetched this key yet')
  const file = await post(`/versions/${versionId}/sealed`, {})
  expect(file.headers['content-disposition']).toBe(`attachment; filename="${versionId}.age"`)
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  expect(await decrypter.decrypt(file.bytes, 'text')).toMatch(/^rk_auth_live_/)
  expect((await post(`/versions/${versionId}/acknowledgement`, {})).text).toContain('store the key first')
  expect((await post(`/versions/${versionId}/acknowledgement`, { stored: 'yes' })).status).toBe(303)
  expect((await post(`/versions/${versionId}/acknowledgement`, { stored: 'yes' })).status).toBe(303)
  const row = await db.selectFrom('version').select('hash').where('id', '=', versionId).executeTakeFirstOrThrow()
  const pages = [`/versions/${versionId}/sealed`, `/rotations/${ref}`, `/keys/${keyId}`, `/rotations/${ref}/evidence`]
  for (const page of pages) {
    const { text } = await get(page)
    expect([page, text.includes(row.hash.toString('hex')), text.includes('Ada Owner')]).toEqual([page, true, true])
  }
  expect((await get(`/rotations/${ref}/new-keys`)).text).toContain('was stored by')
})

test('what is no recipient is asked for again, and a secret half is not sent back', async () => {
  const { serviceId } = await world.addService('Asked again')
  const wrong = await post(`/services/${serviceId}/delivery`, {
    how: 'sealed',
    ageRecipient: 'age1',
    code: await code(),
  })
  expect(wrong.text).toContain('That is no age recipient')
  expect(wrong.text).toContain('value="age1"')
  const secret = await post(`/services/${serviceId}/delivery`, { how: 'sealed', ageRecipient: identity })
  expect(secret.text).toContain('That is the secret half')
  expect(secret.text).not.toContain(identity)
  expect(desk.logged.join('')).not.toContain(identity)
})

test('a lost key is made anew from the page of the new keys, once however often the form comes', async () => {
  const { ref, versionId, keyId } = await sealedRotation()
  const before = (await get(`/rotations/${ref}/new-keys`)).text
  expect(before).toContain(`/versions/${versionId}/reissue`)
  const page = (await get(`/versions/${versionId}/reissue`)).text
  expect(page).toContain('Not touched')
  const draft = /name="draft" value="([^"]+)"/.exec(page)?.[1] ?? ''
  const form = { draft, lost: 'yes', code: await code() }
  const made = await post(`/versions/${versionId}/reissue`, form)
  expect(made.headers.location).toBe(`/rotations/${ref}/new-keys`)
  expect((await post(`/versions/${versionId}/reissue`, form)).headers.location).toBe(`/keys/${keyId}`)
  expect((await get(`/rotations/${ref}/new-keys`)).text).not.toContain(versionId)
  const count = db.selectFrom('reissue').select('toVersionId').where('fromVersionId', '=', versionId)
  expect(await count.execute()).toHaveLength(1)
})

test('the first keys of a service are made anew and picked up where they were', async () => {
  const { serviceId, versionId } = await world.addService('Lost at once')
  const page = (await get(`/versions/${versionId}/reissue`)).text
  const draft = /name="draft" value="([^"]+)"/.exec(page)?.[1] ?? ''
  const made = await post(`/versions/${versionId}/reissue`, { draft, lost: 'yes', code: await code() })
  expect(made.headers.location).toBe(`/services/${serviceId}/new-keys`)
  const list = (await get(`/services/${serviceId}/new-keys`)).text
  expect(list.match(/Show key/g)).toHaveLength(2)
  expect((await get(`/services/${serviceId}`)).text).toContain('Get its keys')
})

import { createHash } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { carryOutImport } from '../../src/keyring/imports/carry-out.ts'
import { receiveImport } from '../../src/keyring/imports/receive.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = database
const KEYS = 5_000
let world: ApiWorld
let lastKeyId: string

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { serviceId } = world.place
  const lines = Array.from({ length: KEYS }, (_, i) => {
    const sha256 = createHash('sha256').update(`key ${i}`).digest('hex')
    return JSON.stringify({ serviceId, kind: 'auth', sha256, name: `Imported ${i}` })
  })
  const stream = (async function* () {
    yield Buffer.from(lines.join('\n'))
  })()
  const { id } = await receiveImport(db, world.people.admin.actor, { name: 'many', dryRun: false, stream })
  while (await carryOutImport(db, id));
  const last = db
    .selectFrom('key')
    .select('id')
    .where('name', '=', `Imported ${KEYS - 1}`)
  lastKeyId = (await last.executeTakeFirstOrThrow()).id
})

async function openPage(path: string): Promise<string> {
  const headers = { accept: 'text/html', cookie: `__Host-rekey=${world.people.owner.sessionToken}` }
  const page = await desk.call('GET', path, { headers })
  expect([path, page.status]).toEqual([path, 200])
  return page.text
}

test('pages that show services show the first keys of one that has thousands, and lead to the others', async () => {
  const { serviceId } = world.place
  for (const path of ['/services', `/services/${serviceId}`, '/rotations/new', `/services/${serviceId}/removal`]) {
    expect((await openPage(path)).length, path).toBeLessThan(1_000_000)
  }
  const page = await openPage(`/services/${serviceId}`)
  expect(page).toContain(`All ${KEYS + 2} keys`)
  const all = await openPage(`/services/${serviceId}?keys=all`)
  expect(all).toContain('Next page')
})

test('a key that is not among the first is found by its page, and chosen in the form that replaces it', async () => {
  expect(await openPage(`/keys/${lastKeyId}`)).toContain(`Imported ${KEYS - 1}`)
  expect(await openPage(`/rotations/new?key=${lastKeyId}`)).toContain(`Imported ${KEYS - 1}`)
})

test('the API gives every key, page by page', async () => {
  const page = z.object({ items: z.array(z.looseObject({ id: z.string() })), nextCursor: z.string().nullable() })
  const seen = new Set<string>()
  let cursor: string | null = ''
  while (cursor !== null) {
    const query = cursor === '' ? '' : `&cursor=${cursor}`
    const path = `/v1/services/${world.place.serviceId}/keys?limit=100${query}`
    const answer = page.parse((await world.clients.viewer.call('GET', path)).json)
    for (const { id } of answer.items) seen.add(id)
    cursor = answer.nextCursor
  }
  expect(seen.size).toBe(KEYS + 2)
  const service = await world.clients.owner.call('GET', `/v1/services/${world.place.serviceId}`)
  expect(service.json).toMatchObject({ keyCount: KEYS + 2 })
})

test('a request about more keys than anybody can look at is refused in words', async () => {
  const body = { items: [{ serviceId: world.place.serviceId, kinds: ['auth'] }], reason: 'scheduled' }
  const answer = await world.clients.owner.confirmed('POST', '/v1/rotations', { body })
  expect([answer.status, answer.json]).toMatchObject([400, { errors: [{ pointer: '/items' }] }])
})

test('the service can be removed with all of them', async () => {
  const body = { confirmName: 'Payments EU' }
  const answer = await world.clients.owner.confirmed('DELETE', `/v1/services/${world.place.serviceId}`, { body })
  expect(answer.status).toBe(204)
  const left = db.selectFrom('key').select('id').where('serviceId', '=', world.place.serviceId)
  expect(await left.where('deletedAt', 'is', null).execute()).toEqual([])
})

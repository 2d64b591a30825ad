import { beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/database/ids.ts'
import { createGateway } from '../../src/keyring/gateways.ts'
import { createService } from '../../src/keyring/services.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import type { Enrolled } from '../support/worlds/people.ts'

const MANY = 101
const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

function open(path: string, person: Enrolled): Promise<Answer> {
  return desk.call('GET', path, { headers: { accept: 'text/html', cookie: `__Host-rekey=${person.sessionToken}` } })
}

test('a gateway can be revoked however many there are', async () => {
  const { admin } = world.people
  for (let i = 0; i < MANY; i++) await createGateway(database.db, admin.actor, { name: `edge ${i}` })
  const last = await createGateway(database.db, admin.actor, { name: 'the last of many' })
  const page = await open(`/gateways/${last.id}/revocation`, admin)
  expect([page.status, page.text]).toEqual([200, expect.stringContaining('the last of many')])
})

test('a service has its page, and its keys can be filed, however many there are', async () => {
  const { owner } = world.people
  const { db, maker } = desk.desk
  await db.updateTable('policy').set({ keysPerPerson: 100_000 }).execute()
  for (let i = 0; i < MANY; i++) {
    await createService(db, maker, owner.actor, { name: `shop ${i}`, environment: 'sandbox' })
  }
  const last = await createService(db, maker, owner.actor, { name: 'the last of many', environment: 'live' })
  const keys = await db.selectFrom('key').select('id').where('serviceId', '=', last.id).execute()
  const form = await open('/rotations/new', owner)
  for (const { id } of keys) expect(form.text).toContain(`value="${id}"`)
  const page = await open(`/services/${last.id}`, owner)
  expect([page.status, page.text]).toEqual([200, expect.stringContaining('the last of many')])
})

test('a service can be added to an organisation however many there are', async () => {
  const rows = Array.from({ length: MANY }, (_, i) => ({ name: `customer ${i}`, createdAt: new Date() }))
  for (const row of rows)
    await database.db
      .insertInto('organisation')
      .values({ id: newId('organisation'), ...row })
      .execute()
  const form = await open(`/services/new?organisation=${world.place.organisationId}`, world.people.admin)
  expect(form.text).toMatch(new RegExp(`value="${world.place.organisationId}" selected`))
})

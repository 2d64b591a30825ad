import { beforeAll, expect, test } from 'vitest'
import { submitRotation } from '../../src/desk/submit.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'

const DAY = 86_400_000
const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld
let ref: string

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const items = [{ keyId: world.place.authKeyId }]
  const filing = { items, reason: 'scheduled' as const, overlapSeconds: 3600 }
  ref = (await submitRotation(database.db, world.people.owner.actor, filing)).ref
})

test.each([
  [1, 'An owner’s password, code device or address changed on'],
  [8, 'No owner changed their password, code device or address in the last 7 days.'],
])('whoever decides hears of an owner’s change of %i days ago as far as the rule counts it', async (days, words) => {
  const { owner, agent } = world.people
  const passwordChangedAt = new Date(Date.now() - days * DAY)
  await database.db.updateTable('person').set({ passwordChangedAt }).where('id', '=', owner.actor.personId).execute()
  const headers = { accept: 'text/html', cookie: `__Host-rekey=${agent.sessionToken}` }
  expect((await desk.call('GET', `/rotations/${ref}`, { headers })).text).toContain(words)
})

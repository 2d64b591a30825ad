import { beforeAll, expect, test } from 'vitest'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { RACES, runRace } from '../support/races.ts'
import { type DeskWorld, makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
const ROUNDS = 1_000
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

test.each(RACES)('1 000 times: $name', async (race) => {
  const counts = await runRace({ db, world }, race, ROUNDS)
  // A race that always ends alike shows nothing.
  expect(Math.min(...counts), `outcomes: ${counts.join(', ')}`).toBeGreaterThan(0)
})

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})

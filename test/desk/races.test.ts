import { beforeAll, expect, test } from 'vitest'
import { findRotation } from '../../src/database/rotations/views.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { RACES, runRace } from '../support/races.ts'
import {
  addService,
  addStaff,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'
import { race } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
const ROUNDS = 20
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function newService(): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Raced ${count}`)).id
}

async function statusOf(ref: string): Promise<string | undefined> {
  return (await findRotation(db, { organisationId: null }, ref))?.status
}

test('of 20 approvals of one agent at the same moment one counts', async () => {
  const ref = await file(db, world.owner, await newService(), { overlapSeconds: 0 })
  const approve = () => approveRotation(db, world.agent, ref, { revision: 1 })
  const { won, refused } = await race(Array.from({ length: 20 }, () => approve))
  expect(won).toBe(1)
  expect(new Set(refused)).toEqual(new Set(['ALREADY_APPROVED']))
  expect(await statusOf(ref)).toBe('submitted')
})

test('of 20 agents who approve at the same moment one schedules, the others are told', async () => {
  const agents = await Promise.all(Array.from({ length: 20 }, (_, i) => addStaff(db, 'agent', `Agent ${i}`)))
  const ref = await file(db, world.owner, await newService())
  const { won, refused } = await race(agents.map((agent) => () => approveRotation(db, agent, ref, { revision: 1 })))
  expect(won).toBe(1)
  expect(new Set(refused)).toEqual(new Set(['ILLEGAL_MOVE']))
  expect(await statusOf(ref)).toBe('scheduled')
})

test('of 20 reveals of one version at the same moment one shows the secret', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  await carryOutAll(db)
  const rotation = await findRotation(db, world.owner, ref)
  for (const item of rotation?.items ?? []) {
    const reveal = () => revealVersion(db, maker.sealer, world.owner, item.newVersionId ?? '')
    const { won, refused } = await race(Array.from({ length: 20 }, () => reveal))
    expect(won).toBe(1)
    expect(new Set(refused)).toEqual(new Set(['ALREADY_REVEALED']))
  }
})

test('of 20 filings of one key at the same moment one is filed', async () => {
  const serviceId = await newService()
  const { won, refused } = await race(Array.from({ length: 20 }, () => () => file(db, world.owner, serviceId)))
  expect(won).toBe(1)
  expect(new Set(refused)).toEqual(new Set(['ROTATION_IN_PROGRESS']))
})

test.each(RACES)('$name', async (race) => {
  await runRace({ db, world }, race, ROUNDS)
})

test('of early revocations at the same moment one takes effect, also beside the end of the overlap', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const ref = await fileAndApprove(db, world, await newService())
    await carryOutAll(db)
    const past = new Date()
    await db.updateTable('item').set({ dueAt: past }).where('rotationRef', '=', ref).where('position', '=', 0).execute()
    const revoke = () => revokeEarly(db, world.owner, ref, {})
    const { won } = await race([revoke, revoke, revoke])
    expect(won).toBe(1)
    await carryOutAll(db)
    expect(await statusOf(ref)).toBe('completed')
  }
})

test('eight workers carry out many rotations, each key once', async () => {
  const refs: string[] = []
  for (let i = 0; i < 25; i++) refs.push(await fileAndApprove(db, world, await newService()))
  await Promise.all(Array.from({ length: 8 }, () => carryOutAll(db)))
  for (const ref of refs) expect(await statusOf(ref)).toBe('overlap')
})

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})

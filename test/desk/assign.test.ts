import { beforeAll, expect, test } from 'vitest'
import { findRotationEvents } from '../../src/database/audit/trail.ts'
import { findRotation } from '../../src/database/rotations/views.ts'
import { assignRotation } from '../../src/desk/assign.ts'
import { approveRotation, rejectRotation } from '../../src/desk/decide.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { outcome, refusalOf, tally } from '../support/refusals.ts'
import { addService, addStaff, type DeskWorld, file, makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
const ROUNDS = 20
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function newRotation(): Promise<string> {
  count += 1
  return file(db, world.owner, (await addService(db, world.admin, world.organisationId, `Service ${count}`)).id)
}

async function assigneeOf(ref: string): Promise<string | undefined> {
  return (await findRotation(db, world.agent, ref))?.assignee?.name
}

async function assignments(ref: string) {
  const events = await findRotationEvents(db, world.agent, ref)
  return events.filter(({ action }) => action === 'rotation.assign')
}

test('what nobody has is taken, handed on by whoever has it, and let go of', async () => {
  const ref = await newRotation()
  await assignRotation(db, world.agent, ref, { assigneeId: world.agent.personId })
  expect(await assigneeOf(ref)).toBe('Gus Agent')
  await assignRotation(db, world.agent, ref, { assigneeId: world.otherAgent.personId })
  expect(await assigneeOf(ref)).toBe('Gia Agent')
  await assignRotation(db, world.otherAgent, ref, { assigneeId: null })
  expect(await assigneeOf(ref)).toBeUndefined()
  expect((await assignments(ref)).map(({ actor, facts }) => [actor?.name, facts])).toEqual([
    ['Gus Agent', { assignee: world.agent.personId, previous: null }],
    ['Gus Agent', { assignee: world.otherAgent.personId, previous: world.agent.personId }],
    ['Gia Agent', { assignee: null, previous: world.otherAgent.personId }],
  ])
})

test('what a colleague has is moved only by naming that colleague, and who has it is told', async () => {
  const ref = await newRotation()
  const [mine, theirs] = [world.agent.personId, world.otherAgent.personId]
  await assignRotation(db, world.agent, ref, { assigneeId: mine })
  const refusal = await refusalOf(assignRotation(db, world.otherAgent, ref, { assigneeId: theirs }))
  expect([refusal.code, refusal.message]).toEqual(['ASSIGNED_MEANWHILE', `Gus Agent has ${ref} by now.`])
  for (const from of [null, theirs, world.admin.personId]) {
    expect(await outcome(assignRotation(db, world.otherAgent, ref, { assigneeId: null, from }))).toBe(
      'ASSIGNED_MEANWHILE',
    )
  }
  await assignRotation(db, world.otherAgent, ref, { assigneeId: theirs, from: mine })
  expect(await assigneeOf(ref)).toBe('Gia Agent')
})

test('given again to whoever has it, nothing is written', async () => {
  const ref = await newRotation()
  for (const from of [undefined, null, undefined]) {
    await assignRotation(db, world.agent, ref, { assigneeId: world.agent.personId, from })
  }
  expect(await assignments(ref)).toHaveLength(1)
})

test('only people of the staff look after a rotation, as long as they are', async () => {
  const ref = await newRotation()
  const gone = await addStaff(db, 'agent', 'Gone Agent')
  await db.updateTable('person').set({ disabledAt: new Date() }).where('id', '=', gone.personId).execute()
  for (const assigneeId of [world.owner.personId, gone.personId, 'per_unknown']) {
    expect(await outcome(assignRotation(db, world.agent, ref, { assigneeId })), assigneeId).toBe('INVALID_REQUEST')
  }
  expect(await outcome(assignRotation(db, world.owner, ref, { assigneeId: null }))).toBe('NOT_ALLOWED')
  expect(await outcome(assignRotation(db, world.agent, 'ROT-9', { assigneeId: null }))).toBe('NOT_FOUND')
})

test('what has ended changes hands no more; whoever had it still had it', async () => {
  const ref = await newRotation()
  await assignRotation(db, world.agent, ref, { assigneeId: world.agent.personId })
  await rejectRotation(db, world.otherAgent, ref, { revision: 1, reason: 'no' })
  expect(await outcome(assignRotation(db, world.agent, ref, { assigneeId: null }))).toBe('ILLEGAL_MOVE')
  expect(await assigneeOf(ref)).toBe('Gus Agent')
})

test('deciding asks for no assignment: a colleague of the assignee may', async () => {
  const ref = await newRotation()
  await assignRotation(db, world.agent, ref, { assigneeId: world.agent.personId })
  await approveRotation(db, world.otherAgent, ref, { revision: 1 })
  expect((await findRotation(db, world.agent, ref))?.status).toBe('scheduled')
})

test('of two who take one at the same moment one has it and the other is told', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const ref = await newRotation()
    const takers = [world.agent, world.otherAgent, world.admin]
    const outcomes = await tally(takers.map((actor) => assignRotation(db, actor, ref, { assigneeId: actor.personId })))
    expect(outcomes).toEqual({ done: 1, ASSIGNED_MEANWHILE: 2 })
    const [assignment] = await assignments(ref)
    expect(await assigneeOf(ref)).toBe(assignment?.actor?.name)
  }
})

test('taking and approving at the same moment both come about', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const ref = await newRotation()
    const outcomes = await tally([
      assignRotation(db, world.otherAgent, ref, { assigneeId: world.otherAgent.personId }),
      approveRotation(db, world.agent, ref, { revision: 1 }),
    ])
    expect(outcomes).toEqual({ done: 2 })
    expect(await findRotation(db, world.agent, ref)).toMatchObject({
      status: 'scheduled',
      assignee: { name: 'Gia Agent' },
    })
  }
})

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})

import { beforeAll, expect, test } from 'vitest'
import { approveRotation, rejectRotation } from '../../src/desk/decide.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { outcome } from '../support/refusals.ts'
import { sealer } from '../support/web.ts'
import { addMember, addService, type DeskWorld, file, makeDeskWorld } from '../support/worlds/desk-world.ts'
import { enrolFirstAdmin, enrolOwner } from '../support/worlds/people.ts'
import { DAY, race, readRotation } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
const ROUNDS = 20
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function newService(): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${count}`)).id
}

async function neededFor(filing: Parameters<typeof file>[3] = {}): Promise<number> {
  return (await readRotation(db, await file(db, world.owner, await newService(), filing))).approvalsNeeded
}

test.each(['passwordChangedAt', 'codeChangedAt', 'emailChangedAt'] as const)(
  'for 7 days after %s of any owner two approvals are needed, and one after that',
  async (column) => {
    const other = await addMember(db, world.organisationId, 'owner', 'Olga Owner')
    const person = db.updateTable('person').where('id', '=', other.personId)
    await person.set({ [column]: new Date(Date.now() - 7 * DAY + 60_000) }).execute()
    expect(await neededFor()).toBe(2)
    await person.set({ [column]: new Date(Date.now() - 7 * DAY - 60_000) }).execute()
    expect(await neededFor()).toBe(1)
    await person.set({ [column]: new Date() }).execute()
    await db.updateTable('membership').set({ role: 'developer' }).where('personId', '=', other.personId).execute()
    expect(await neededFor()).toBe(1)
  },
)

test('the first set-up of an owner’s password and code device is no change', async () => {
  const admin = await enrolFirstAdmin(db, sealer)
  const fresh = { name: 'Fresh', owner: { name: 'Fay Owner', email: 'fay@fresh.example' } }
  const owner = await enrolOwner(db, sealer, admin, fresh)
  const service = await addService(db, admin.actor, owner.organisationId, 'First')
  const ref = await file(db, owner.actor, service.id)
  expect((await readRotation(db, ref)).approvalsNeeded).toBe(1)
})

test('ten keys need one approval, eleven need two', async () => {
  const services: string[] = []
  for (let i = 0; i < 6; i++) services.push(await newService())
  const items = services.map((serviceId) => ({ serviceId, kinds: ['auth', 'admin'] as const }))
  const ten = await file(db, world.owner, '', { items: items.slice(0, 5) })
  expect((await readRotation(db, ten)).approvalsNeeded).toBe(1)
  await rejectRotation(db, world.agent, ten, { revision: 1, reason: 'Once more, please.' })
  const [last] = items.toReversed()
  const eleven = [...items.slice(0, 5), { serviceId: last?.serviceId ?? '', kinds: ['auth'] as const }]
  const ref = await file(db, world.owner, '', { items: eleven })
  expect(await readRotation(db, ref)).toMatchObject({ approvalsNeeded: 2, items: { length: 11 } })
})

test('no overlap needs two approvals, except for a leak', async () => {
  expect(await neededFor({ overlapSeconds: 0 })).toBe(2)
  expect(await neededFor({ overlapSeconds: 1 })).toBe(1)
  expect(await neededFor({ overlapSeconds: 0, reason: 'compromised' })).toBe(1)
})

test('an administrator decides nothing that an owner filed', async () => {
  const ref = await file(db, world.owner, await newService())
  expect(await outcome(approveRotation(db, world.admin, ref, { revision: 1 }))).toBe('NOT_ALLOWED')
  expect(await outcome(rejectRotation(db, world.admin, ref, { revision: 1, reason: 'no' }))).toBe('NOT_ALLOWED')
})

test('whoever left the staff meanwhile approves nothing, whatever their session says', async () => {
  const ref = await file(db, world.owner, await newService())
  const person = db.updateTable('person').where('id', '=', world.otherAgent.personId)
  await person.set({ staffRole: null }).execute()
  expect(await outcome(approveRotation(db, world.otherAgent, ref, { revision: 1 }))).toBe('NOT_ALLOWED')
  await person.set({ staffRole: 'agent', disabledAt: new Date() }).execute()
  expect(await outcome(approveRotation(db, world.otherAgent, ref, { revision: 1 }))).toBe('NOT_ALLOWED')
  await person.set({ disabledAt: null }).execute()
  await approveRotation(db, world.otherAgent, ref, { revision: 1 })
})

test('of two approvers at the same moment, where two are needed, both count', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const ref = await file(db, world.owner, await newService(), { overlapSeconds: 0 })
    const runs = [world.agent, world.otherAgent].map((who) => () => approveRotation(db, who, ref, { revision: 1 }))
    expect(await race(runs)).toEqual({ won: 2, refused: [] })
    expect(await readRotation(db, ref)).toMatchObject({ status: 'scheduled', approvals: { length: 2 } })
  }
})

test('of two approvers at the same moment, where one is needed, one schedules and the other is told', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const ref = await file(db, world.owner, await newService())
    const runs = [world.agent, world.otherAgent].map((who) => () => approveRotation(db, who, ref, { revision: 1 }))
    expect(await race(runs)).toEqual({ won: 1, refused: ['ILLEGAL_MOVE'] })
    expect(await readRotation(db, ref)).toMatchObject({ status: 'scheduled', approvals: { length: 1 } })
  }
})

test('an approval of the revision before counts no more once the revision has changed', async () => {
  const ref = await file(db, world.owner, await newService(), { overlapSeconds: 0 })
  await approveRotation(db, world.agent, ref, { revision: 1 })
  await db.updateTable('rotation').set({ revision: 2 }).where('ref', '=', ref).execute()
  expect((await readRotation(db, ref)).approvals).toEqual([])
  expect(await outcome(approveRotation(db, world.otherAgent, ref, { revision: 1 }))).toBe('STALE_REVISION')
  await approveRotation(db, world.otherAgent, ref, { revision: 2 })
  expect((await readRotation(db, ref)).status).toBe('submitted')
  await approveRotation(db, world.agent, ref, { revision: 2 })
  expect((await readRotation(db, ref)).status).toBe('scheduled')
})

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})

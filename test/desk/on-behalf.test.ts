import { beforeAll, expect, test } from 'vitest'
import { findRotationEvents } from '../../src/database/audit/trail.ts'
import { approveRotation, rejectRotation } from '../../src/desk/decide.ts'
import type { Filing } from '../../src/desk/submit.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { outcome, refusalOf } from '../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  addService,
  addStaff,
  carryOutAll,
  type DeskWorld,
  file,
  makeDeskWorld,
} from '../support/worlds/desk-world.ts'
import { lettersAbout, race, readRotation } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
const CALLED_BACK = 'Called back on the number in the contract.'
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function newService(): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${count}`)).id
}

function forOwner(personId = world.owner.personId, verifiedBy = CALLED_BACK): Partial<Filing> {
  return { onBehalfOf: { personId, verifiedBy } }
}

test('an agent files for an owner, who is the requester; how they were verified stays with it', async () => {
  const ref = await file(db, world.agent, await newService(), forOwner())
  expect(await readRotation(db, ref)).toMatchObject({
    requester: { id: world.owner.personId },
    filedBy: { id: world.agent.personId },
    verifiedBy: CALLED_BACK,
    approvalsNeeded: 2,
  })
  const [submitted] = await findRotationEvents(db, world.owner, ref)
  expect(submitted).toMatchObject({ actor: { name: 'Gus Agent' }, facts: { verifiedBy: CALLED_BACK } })
})

test('every owner is told of it at once, with how the caller was verified', async () => {
  const second = await addMember(db, world.organisationId, 'owner', 'Olga Owner')
  const ref = await file(db, world.agent, await newService(), forOwner())
  expect(await lettersAbout(db, ref, 'filed-on-behalf')).toEqual([
    'filed-on-behalf: Ada Owner',
    'filed-on-behalf: Olga Owner',
  ])
  const letter = await db
    .selectFrom('letter')
    .select('facts')
    .where('thread', '=', ref)
    .where('kind', '=', 'filed-on-behalf')
    .executeTakeFirstOrThrow()
  expect(letter.facts).toMatchObject({ who: 'Gus Agent', note: CALLED_BACK })
  await db.deleteFrom('membership').where('personId', '=', second.personId).execute()
})

test('it needs two approvals, never the filer’s; an administrator may give one', async () => {
  const ref = await file(db, world.agent, await newService(), forOwner())
  expect(await outcome(approveRotation(db, world.agent, ref, { revision: 1 }))).toBe('OWN_ROTATION')
  expect(await outcome(rejectRotation(db, world.agent, ref, { revision: 1, reason: 'no' }))).toBe('OWN_ROTATION')
  await approveRotation(db, world.admin, ref, { revision: 1 })
  expect(await readRotation(db, ref)).toMatchObject({ status: 'submitted', approvals: [{ by: { name: 'Max Admin' } }] })
  await approveRotation(db, world.otherAgent, ref, { revision: 1 })
  expect((await readRotation(db, ref)).status).toBe('scheduled')
  await carryOutAll(db)
  expect((await readRotation(db, ref)).status).toBe('overlap')
})

test('an administrator who filed it does not approve it', async () => {
  const ref = await file(db, world.admin, await newService(), forOwner())
  expect(await outcome(approveRotation(db, world.admin, ref, { revision: 1 }))).toBe('OWN_ROTATION')
  expect(await lettersAbout(db, ref, 'approval-needed')).toEqual([
    'approval-needed: Gia Agent',
    'approval-needed: Gus Agent',
  ])
})

test('of the filer and two others who approve at the same moment the two others count', async () => {
  const ref = await file(db, world.agent, await newService(), forOwner())
  const approvers = [world.agent, world.otherAgent, world.admin]
  const runs = approvers.map((who) => () => approveRotation(db, who, ref, { revision: 1 }))
  expect(await race(runs)).toEqual({ won: 2, refused: ['OWN_ROTATION'] })
  expect((await readRotation(db, ref)).approvals.map(({ by }) => by.name).toSorted()).toEqual([
    'Gia Agent',
    'Max Admin',
  ])
})

test('only for an owner of that organisation, who can sign in', async () => {
  const serviceId = await newService()
  const developer = await addMember(db, world.organisationId, 'developer', 'Dev Eloper')
  const stranger = await addMember(db, await addOrganisation(db, 'Globex'), 'owner', 'Eve Owner')
  const gone = await addMember(db, world.organisationId, 'owner', 'Gone Owner')
  await db.updateTable('person').set({ disabledAt: new Date() }).where('id', '=', gone.personId).execute()
  const invited = await addMember(db, world.organisationId, 'owner', 'Invited Owner')
  await db.updateTable('person').set({ passwordHash: null }).where('id', '=', invited.personId).execute()
  for (const { personId } of [developer, stranger, gone, invited, world.otherAgent, { personId: 'per_unknown' }]) {
    expect(await outcome(file(db, world.agent, serviceId, forOwner(personId)))).toBe('NOT_FOUND')
  }
  await db.deleteFrom('membership').where('personId', 'in', [gone.personId, invited.personId]).execute()
})

test('keys of two organisations are never in one filing', async () => {
  const other = await addOrganisation(db, 'Initech')
  const foreign = await addService(db, world.admin, other, 'Foreign')
  const items = [{ serviceId: await newService(), kinds: ['auth'] as const }, { keyId: foreign.authKeyId }]
  expect(await outcome(file(db, world.agent, '', { ...forOwner(), items }))).toBe('NOT_FOUND')
  expect(await outcome(file(db, world.agent, '', { ...forOwner(), items: items.toReversed() }))).toBe('NOT_FOUND')
})

test('the staff file for nobody but an owner, and say how they verified them', async () => {
  const serviceId = await newService()
  expect(await refusalOf(file(db, world.agent, serviceId))).toMatchObject({ errors: [{ pointer: '/onBehalfOf' }] })
  const blank = await refusalOf(file(db, world.agent, serviceId, forOwner(world.owner.personId, ' ')))
  expect(blank).toMatchObject({ errors: [{ pointer: '/onBehalfOf/verifiedBy' }] })
  const leak = forOwner(world.owner.personId, `rk_auth_live_${'a'.repeat(38)}`)
  expect(await outcome(file(db, world.agent, serviceId, leak))).toBe('CONTAINS_SECRET')
})

test('nobody files on behalf of themselves, and no customer on behalf of anybody', async () => {
  const both = await addStaff(db, 'agent', 'Both Sides')
  const { personId } = both
  const { organisationId } = world
  await db.insertInto('membership').values({ personId, organisationId, role: 'owner', createdAt: new Date() }).execute()
  const serviceId = await newService()
  expect(await outcome(file(db, both, serviceId, forOwner(personId)))).toBe('OWN_ROTATION')
  expect(await outcome(file(db, world.owner, serviceId, forOwner()))).toBe('NOT_ALLOWED')
  await db.deleteFrom('membership').where('personId', '=', personId).execute()
})

test('an owner on hold is filed for all the same, since two others decide', async () => {
  const account = db.updateTable('person').where('id', '=', world.owner.personId)
  await account.set({ codeChangedAt: new Date() }).execute()
  const serviceId = await newService()
  expect(await outcome(file(db, world.owner, serviceId))).toBe('ON_HOLD')
  expect(await outcome(file(db, world.agent, serviceId, forOwner()))).toBe('done')
  await account.set({ codeChangedAt: null }).execute()
})

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})

import { beforeAll, beforeEach, expect, test } from 'vitest'
import { clock } from '../../src/database/connect.ts'
import { lockPerson } from '../../src/database/people/people.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { inviteMember } from '../../src/identity/members/organisations.ts'
import { setMayReveal } from '../../src/identity/members/pick-up.ts'
import { changeMemberRole } from '../../src/identity/members/roles.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, refusalOf } from '../support/refusals.ts'
import {
  addMember,
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'
import { readRotation } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
const HOUR = 3_600_000
const COLUMNS = ['passwordChangedAt', 'codeChangedAt', 'emailChangedAt'] as const
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

/** As if the column had been written so many hours ago, by whatever changes it. */
async function changed(personId: string, column: (typeof COLUMNS)[number] | null, hoursAgo = 0): Promise<void> {
  const none = { passwordChangedAt: null, codeChangedAt: null, emailChangedAt: null }
  const at = new Date(Date.now() - hoursAgo * HOUR)
  const set = column === null ? none : { ...none, [column]: at }
  await db.updateTable('person').set(set).where('id', '=', personId).execute()
}

beforeEach(() => changed(world.owner.personId, null))

async function newService(): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${count}`)).id
}

async function newVersions(ref: string): Promise<string[]> {
  return (await readRotation(db, ref)).items.map((item) => item.newVersionId ?? '')
}

test.each(COLUMNS)('for 72 hours after %s an owner files nothing, and is told until when', async (column) => {
  const serviceId = await newService()
  await changed(world.owner.personId, column, 71.99)
  const { code, message } = await refusalOf(file(db, world.owner, serviceId))
  expect([code, message]).toEqual(['ON_HOLD', expect.stringMatching(/wait until .*UTC\. If a key was leaked/)])
  await changed(world.owner.personId, column, 72.01)
  await file(db, world.owner, serviceId)
})

test('a leak may be filed while on hold, and needs two approvals', async () => {
  await changed(world.owner.personId, 'codeChangedAt', 1)
  const ref = await file(db, world.owner, await newService(), { reason: 'compromised' })
  expect(await readRotation(db, ref)).toMatchObject({ approvalsNeeded: 2 })
})

test('the hold is of one person: another owner files, and two approvals are needed', async () => {
  const second = await addMember(db, world.organisationId, 'owner', 'Olga Owner')
  await changed(world.owner.personId, 'passwordChangedAt', 1)
  const ref = await file(db, second, await newService())
  expect(await readRotation(db, ref)).toMatchObject({ approvalsNeeded: 2 })
})

test.each(COLUMNS)('for 72 hours after %s nobody is shown a new key, and nothing of it is lost', async (column) => {
  const ref = await fileAndApprove(db, world, await newService())
  await carryOutAll(db)
  const [versionId = ''] = await newVersions(ref)
  await changed(world.owner.personId, column, 1)
  const refusal = await refusalOf(revealVersion(db, maker.sealer, world.owner, versionId))
  expect([refusal.code, refusal.message]).toEqual(['ON_HOLD', expect.stringContaining('Another owner can do it.')])
  await changed(world.owner.personId, column, 73)
  expect((await revealVersion(db, maker.sealer, world.owner, versionId)).secret).toMatch(/^rk_/)
})

test('the hold stops a developer too, who was allowed to pick up', async () => {
  const developer = await addMember(db, world.organisationId, 'developer', 'Dev Eloper')
  await db.updateTable('membership').set({ mayReveal: true }).where('personId', '=', developer.personId).execute()
  const ref = await fileAndApprove(db, world, await newService())
  await carryOutAll(db)
  await changed(developer.personId, 'passwordChangedAt', 1)
  const [versionId = ''] = await newVersions(ref)
  expect(await outcome(revealVersion(db, maker.sealer, developer, versionId))).toBe('ON_HOLD')
})

test.each(COLUMNS)(
  'for 72 hours after %s an owner hands on to nobody what they may not do themselves',
  async (column) => {
    const { organisationId, owner } = world
    const member = await addMember(db, organisationId, 'developer', `Accomplice ${column}`)
    const whose = { organisationId, personId: member.personId }
    const invited = { organisationId, name: 'Second Self', email: `${column}@thief.example` }
    await changed(owner.personId, column, 71.99)
    const refusal = await refusalOf(inviteMember(db, owner, { ...invited, role: 'owner' }))
    expect([refusal.code, refusal.message]).toEqual(['ON_HOLD', expect.stringContaining('Another owner can do it.')])
    expect(await outcome(changeMemberRole(db, owner, whose, 'owner'))).toBe('ON_HOLD')
    expect(await outcome(setMayReveal(db, owner, member.personId, true))).toBe('ON_HOLD')
    expect(await outcome(inviteMember(db, owner, { ...invited, role: 'viewer' }))).toBe('done')
    await changed(owner.personId, column, 72.01)
    expect(await outcome(setMayReveal(db, owner, member.personId, true))).toBe('done')
    expect(await outcome(changeMemberRole(db, owner, whose, 'owner'))).toBe('done')
    await changed(owner.personId, column, 1)
    expect(await outcome(changeMemberRole(db, owner, whose, 'viewer'))).toBe('done')
  },
)

test('what two agents approved for a leak, after the change, may be picked up while on hold', async () => {
  await changed(world.owner.personId, 'codeChangedAt', 1)
  const ref = await file(db, world.owner, await newService(), { reason: 'compromised' })
  for (const agent of [world.agent, world.otherAgent]) await approveRotation(db, agent, ref, { revision: 1 })
  await carryOutAll(db)
  for (const id of await newVersions(ref)) {
    expect(await outcome(revealVersion(db, maker.sealer, world.owner, id))).toBe('done')
  }
})

test('of a change of the password and a filing at the same moment, none is filed after the change', async () => {
  for (let round = 0; round < 20; round++) {
    await changed(world.owner.personId, null)
    const serviceId = await newService()
    const { personId } = world.owner
    const change = db.transaction().execute(async (trx) => {
      await lockPerson(trx, personId)
      const passwordChangedAt = await clock(trx)
      await trx.updateTable('person').set({ passwordChangedAt }).where('id', '=', personId).execute()
      return passwordChangedAt
    })
    const [told, changedAt] = await Promise.all([outcome(file(db, world.owner, serviceId)), change])
    const filed = await db
      .selectFrom('item')
      .innerJoin('rotation', 'rotation.ref', 'item.rotationRef')
      .select('rotation.createdAt')
      .where('item.serviceId', '=', serviceId)
      .execute()
    expect([told, filed.length]).toEqual(filed.length === 0 ? ['ON_HOLD', 0] : ['done', 2])
    for (const { createdAt } of filed) expect(createdAt.getTime()).toBeLessThanOrEqual(changedAt.getTime())
    expect(await outcome(file(db, world.owner, await newService()))).toBe('ON_HOLD')
  }
})

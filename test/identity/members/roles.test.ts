import { beforeEach, describe, expect, test } from 'vitest'
import { findOrganisationsWithoutOwner } from '../../../src/database/people/memberships.ts'
import { acceptInvitation } from '../../../src/identity/members/invitations.ts'
import { inviteMember } from '../../../src/identity/members/organisations.ts'
import { setMayReveal } from '../../../src/identity/members/pick-up.ts'
import { removeMember } from '../../../src/identity/members/removal.ts'
import { changeMemberRole } from '../../../src/identity/members/roles.ts'
import { findSessionBearer, findTokenBearer } from '../../../src/identity/sign-in/bearers.ts'
import { chooseMembership } from '../../../src/identity/sign-in/sign-in.ts'
import { spendStepUp, stepUp } from '../../../src/identity/sign-in/step-up.ts'
import { createPersonalToken } from '../../../src/identity/tokens/tokens.ts'
import type { MemberRole } from '../../../src/rules/permissions.ts'
import { createCountingSealer } from '../../support/counting-sealer.ts'
import { openTestDatabase } from '../../support/database.ts'
import { outcome, tally } from '../../support/refusals.ts'
import {
  type Enrolled,
  enrolFirstAdmin,
  enrolMember,
  enrolOwner,
  enrolStaff,
  invitationToken,
  PASSWORD,
  unusedCode,
} from '../../support/worlds/people.ts'

const { db } = await openTestDatabase()
const { sealer } = createCountingSealer()
const admin = await enrolFirstAdmin(db, sealer)
const agent = await enrolStaff(db, sealer, admin, { name: 'Gus', email: 'gus@desk.example', role: 'agent' })
type Owner = Enrolled & { organisationId: string }
let owner: Owner
let second: Enrolled
let counter = 0

beforeEach(async () => {
  counter += 1
  owner = await newOwner('ada')
  second = await member('owner', 'bea')
})

function newOwner(name: string): Promise<Owner> {
  const organisation = { name: `${name} ${counter}`, owner: { name, email: `${name}-${counter}@acme.example` } }
  return enrolOwner(db, sealer, admin, organisation)
}

function member(role: MemberRole, name: string = role): Promise<Enrolled> {
  return enrolMember(db, sealer, owner, { name, email: `${name}-${counter}@acme.example`, role })
}

function placeOf({ actor }: Enrolled) {
  return { organisationId: owner.organisationId, personId: actor.personId }
}

async function roleOf(person: Enrolled): Promise<MemberRole | undefined> {
  const { organisationId, personId } = placeOf(person)
  const row = await db
    .selectFrom('membership')
    .select('role')
    .where('personId', '=', personId)
    .where('organisationId', '=', organisationId)
    .executeTakeFirst()
  return row?.role
}

async function notices(notice: string): Promise<string[]> {
  const rows = await db
    .selectFrom('letter')
    .select(['toAddress', 'facts'])
    .where('kind', '=', 'security-notice')
    .where('toAddress', 'like', `%-${counter}@acme.example`)
    .orderBy('toAddress')
    .execute()
  return rows.filter(({ facts }) => facts.notice === notice).map(({ toAddress }) => toAddress)
}

async function entries(): Promise<string[]> {
  const { organisationId } = owner
  const rows = await db
    .selectFrom('auditEntry')
    .select('body')
    .where('chain', '=', organisationId)
    .orderBy('sequence')
    .execute()
  return rows.map(({ body }) => body)
}

async function newToken(person: Enrolled): Promise<string> {
  const expiresAt = new Date(Date.now() + 86_400_000)
  return (await createPersonalToken(db, person.actor, { name: 'script', expiresAt })).token
}

describe('a role', () => {
  test('that an owner changes counts from the next call on, is on record, and is told to the owners and the person', async () => {
    const viewer = await member('viewer')
    await changeMemberRole(db, owner.actor, placeOf(viewer), 'developer')
    expect((await findSessionBearer(db, viewer.sessionToken))?.actor.role).toBe('developer')
    expect((await entries()).at(-1)).toContain('"action":"member.change_role"')
    expect((await entries()).at(-1)).toContain('"from":"viewer","to":"developer"')
    expect(await notices('role_changed')).toEqual([owner.email, second.email, viewer.email])
  })

  test('set a second time changes, records and tells nothing', async () => {
    const viewer = await member('viewer')
    await changeMemberRole(db, owner.actor, placeOf(viewer), 'developer')
    const before = await entries()
    await changeMemberRole(db, owner.actor, placeOf(viewer), 'developer')
    expect(await entries()).toEqual(before)
    expect(await notices('role_changed')).toHaveLength(3)
  })

  test('is for owners of that organisation and admins to change, and for nobody else', async () => {
    const viewer = await member('viewer')
    const developer = await member('developer')
    const stranger = await newOwner('eve')
    const change = (actor: Enrolled['actor']) => outcome(changeMemberRole(db, actor, placeOf(viewer), 'developer'))
    expect(await change(stranger.actor)).toBe('NOT_FOUND')
    for (const { actor } of [developer, viewer, agent]) expect(await change(actor)).toBe('NOT_ALLOWED')
    expect(await roleOf(viewer)).toBe('viewer')
    expect(await change(admin.actor)).toBe('done')
    const nobody = { ...placeOf(viewer), personId: stranger.actor.personId }
    expect(await outcome(changeMemberRole(db, owner.actor, nobody, 'viewer'))).toBe('NOT_FOUND')
    const nowhere = { organisationId: 'org_none', personId: viewer.actor.personId }
    expect(await outcome(changeMemberRole(db, admin.actor, nowhere, 'viewer'))).toBe('NOT_FOUND')
  })

  test('of an owner is never given by the staff alone, neither by changing a role nor by inviting', async () => {
    const viewer = await member('viewer')
    expect(await outcome(changeMemberRole(db, admin.actor, placeOf(viewer), 'owner'))).toBe('NOT_ALLOWED')
    const { organisationId } = owner
    const friend = { name: 'Friend', email: `friend${counter}@else.example`, organisationId }
    expect(await outcome(inviteMember(db, admin.actor, { ...friend, role: 'owner' }))).toBe('NOT_ALLOWED')
    expect(await outcome(inviteMember(db, admin.actor, { ...friend, role: 'viewer' }))).toBe('done')
    expect(await outcome(changeMemberRole(db, owner.actor, placeOf(viewer), 'owner'))).toBe('done')
  })

  test('that is lost takes the right to pick up keys and every step-up with it', async () => {
    const developer = await member('developer')
    await setMayReveal(db, owner.actor, developer.actor.personId, true)
    const { stepUpToken } = await stepUp(db, sealer, developer.bearer, await unusedCode(db, developer))
    await changeMemberRole(db, owner.actor, placeOf(developer), 'viewer')
    await changeMemberRole(db, owner.actor, placeOf(developer), 'developer')
    const row = await db
      .selectFrom('membership')
      .select('mayReveal')
      .where('personId', '=', developer.actor.personId)
      .executeTakeFirstOrThrow()
    expect(row.mayReveal).toBe(false)
    expect(await outcome(spendStepUp(db, developer.bearer, stepUpToken))).toBe('STEP_UP_REQUIRED')
  })

  test('of the last owner stays, also when an admin or the owner wants otherwise', async () => {
    await changeMemberRole(db, owner.actor, placeOf(second), 'developer')
    for (const { actor } of [owner, admin]) {
      expect(await outcome(changeMemberRole(db, actor, placeOf(owner), 'viewer'))).toBe('LAST_OWNER')
      expect(await outcome(removeMember(db, actor, placeOf(owner)))).toBe('LAST_OWNER')
    }
    expect(await roleOf(owner)).toBe('owner')
  })

  test('a disabled owner doesn’t count: the one who can act is the last', async () => {
    await db.updateTable('person').set({ disabledAt: new Date() }).where('id', '=', second.actor.personId).execute()
    expect(await outcome(removeMember(db, owner.actor, placeOf(owner)))).toBe('LAST_OWNER')
    expect(await outcome(removeMember(db, owner.actor, placeOf(second)))).toBe('done')
  })
})

describe('at the same moment', () => {
  const ROUNDS = 20

  test('of two owners who demote or remove each other one stays, and the loser is told', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const third = await member('owner', `third${round}`)
      const verb =
        round % 2 === 0 ? removeMember : (...of: Parameters<typeof removeMember>) => changeMemberRole(...of, 'viewer')
      const outcomes = await tally([verb(db, second.actor, placeOf(third)), verb(db, third.actor, placeOf(second))])
      expect(outcomes).toEqual({ done: 1, NOT_ALLOWED: 1 })
      const stayed = (await roleOf(second)) === 'owner' ? second : third
      expect(await roleOf(stayed)).toBe('owner')
      second = stayed
    }
  })

  test('of two owners who step down one stays owner', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const outcomes = await tally(
        [owner, second].map((each) => changeMemberRole(db, each.actor, placeOf(each), 'viewer')),
      )
      expect(outcomes).toEqual({ done: 1, LAST_OWNER: 1 })
      const [stayed, other] = (await roleOf(owner)) === 'owner' ? [owner, second] : [second, owner]
      await changeMemberRole(db, stayed.actor, placeOf(other), 'owner')
    }
  })

  test('a member removed many times is removed once', async () => {
    const viewer = await member('viewer')
    const removals = Array.from({ length: 10 }, () => removeMember(db, owner.actor, placeOf(viewer)))
    expect(await tally(removals)).toEqual({ done: 1, NOT_FOUND: 9 })
    expect((await entries()).filter((body) => body.includes('member.remove'))).toHaveLength(1)
  })
})

describe('a removal', () => {
  test('ends sessions and tokens there from the next call on, and tells the owners and the person', async () => {
    const viewer = await member('viewer')
    const token = await newToken(viewer)
    await removeMember(db, owner.actor, placeOf(viewer))
    expect(await findSessionBearer(db, viewer.sessionToken)).toBeNull()
    expect(await findTokenBearer(db, token)).toBeNull()
    expect(await notices('member_removed')).toEqual([owner.email, second.email, viewer.email])
    expect((await entries()).at(-1)).toContain('"action":"member.remove"')
  })

  test('is for owners of that organisation and admins, and for nobody else', async () => {
    const viewer = await member('viewer')
    const stranger = await newOwner('eve')
    const remove = (actor: Enrolled['actor']) => outcome(removeMember(db, actor, placeOf(viewer)))
    expect(await remove(stranger.actor)).toBe('NOT_FOUND')
    for (const { actor } of [viewer, agent]) expect(await remove(actor)).toBe('NOT_ALLOWED')
    expect(await remove(admin.actor)).toBe('done')
    expect(await remove(owner.actor)).toBe('NOT_FOUND')
  })

  test('leaves an owner free to go while another stays', async () => {
    await removeMember(db, second.actor, placeOf(second))
    expect(await findSessionBearer(db, second.sessionToken)).toBeNull()
    expect(await roleOf(second)).toBeUndefined()
  })

  test('revives nothing when the person is invited again', async () => {
    const viewer = await member('viewer')
    const token = await newToken(viewer)
    await removeMember(db, owner.actor, placeOf(viewer))
    // A token that was made at the very moment of the removal.
    await db
      .updateTable('personalToken')
      .set({ revokedAt: null })
      .where('personId', '=', viewer.actor.personId)
      .execute()
    await inviteMember(db, owner.actor, {
      name: 'Vic',
      email: viewer.email,
      role: 'developer',
      organisationId: owner.organisationId,
    })
    const acceptance = { password: PASSWORD, code: await unusedCode(db, viewer) }
    await acceptInvitation(db, sealer, await invitationToken(db, viewer.email), acceptance)
    expect(await roleOf(viewer)).toBe('developer')
    expect(await findTokenBearer(db, token)).toBeNull()
  })
})

describe('a person of two organisations', () => {
  test('acts in the one they chose, with the role they have there, and a removal there leaves the other', async () => {
    const rival = await newOwner('rex')
    await inviteMember(db, rival.actor, {
      name: 'Ada',
      email: owner.email,
      role: 'viewer',
      organisationId: rival.organisationId,
    })
    const acceptance = { password: PASSWORD, code: await unusedCode(db, owner) }
    const joined = await acceptInvitation(db, sealer, await invitationToken(db, owner.email), acceptance)
    const there = await findSessionBearer(db, joined.sessionToken)
    expect(there?.actor).toMatchObject({ role: 'viewer', organisationId: rival.organisationId })
    expect(await outcome(removeMember(db, there?.actor ?? owner.actor, placeOf(second)))).toBe('NOT_ALLOWED')
    const { sessionToken } = await chooseMembership(db, joined.sessionToken, owner.organisationId)
    expect((await findSessionBearer(db, sessionToken))?.actor).toMatchObject({
      role: 'owner',
      organisationId: owner.organisationId,
    })
    expect(await findSessionBearer(db, joined.sessionToken)).toBeNull()
    await removeMember(db, rival.actor, { organisationId: rival.organisationId, personId: owner.actor.personId })
    expect(await findSessionBearer(db, sessionToken)).not.toBeNull()
    expect(await outcome(chooseMembership(db, sessionToken, rival.organisationId))).toBe('NOT_FOUND')
  })
})

test('an organisation is without an owner once none can act and none is invited', async () => {
  const without = async () =>
    (await findOrganisationsWithoutOwner(db, 100)).some(({ id }) => id === owner.organisationId)
  expect(await without()).toBe(false)
  const ids = [owner.actor.personId, second.actor.personId]
  await inviteMember(db, owner.actor, {
    name: 'New',
    email: `new-${counter}@acme.example`,
    role: 'owner',
    organisationId: owner.organisationId,
  })
  await db.updateTable('person').set({ disabledAt: new Date() }).where('id', 'in', ids).execute()
  expect(await without()).toBe(false)
  await db
    .updateTable('invitation')
    .set({ expiresAt: new Date() })
    .where('organisationId', '=', owner.organisationId)
    .where('acceptedAt', 'is', null)
    .execute()
  expect(await without()).toBe(true)
})

test('whoever joins is told to the owners and to themselves', async () => {
  await member('viewer')
  expect(await notices('member_joined')).toContain(second.email)
  expect(await notices('member_joined')).toContain(owner.email)
})

import { beforeEach, describe, expect, test } from 'vitest'
import { assignRotation } from '../../../src/desk/assign.ts'
import { disablePerson, enablePerson, unlockAccount } from '../../../src/identity/members/accounts.ts'
import { acceptInvitation, findInvitation } from '../../../src/identity/members/invitations.ts'
import { resendInvitation, withdrawInvitation } from '../../../src/identity/members/open-invitations.ts'
import { inviteMember } from '../../../src/identity/members/organisations.ts'
import { changeStaffRole, removeFromStaff } from '../../../src/identity/members/staff.ts'
import { findSessionBearer, findTokenBearer } from '../../../src/identity/sign-in/bearers.ts'
import { createPersonalToken } from '../../../src/identity/tokens/tokens.ts'
import type { PersonActor, StaffRole } from '../../../src/rules/permissions.ts'
import { createCountingSealer } from '../../support/counting-sealer.ts'
import { openTestDatabase } from '../../support/database.ts'
import { outcome, tally } from '../../support/refusals.ts'
import { addMember, addOrganisation, addService, addStaff, file } from '../../support/worlds/desk-world.ts'
import {
  codeFor,
  type Enrolled,
  enrolFirstAdmin,
  enrolMember,
  enrolOwner,
  enrolStaff,
  invitationToken,
  PASSWORD,
  signIn,
} from '../../support/worlds/people.ts'

const { db } = await openTestDatabase()
const { sealer } = createCountingSealer()
const admin = await enrolFirstAdmin(db, sealer)
let agent: Enrolled
let counter = 0

beforeEach(async () => {
  counter += 1
  agent = await colleague('agent', 'gus')
})

function colleague(role: StaffRole, name: string): Promise<Enrolled> {
  return enrolStaff(db, sealer, admin, { name, email: `${name}-${counter}@desk.example`, role })
}

function newOwner(name: string) {
  const organisation = { name: `${name} ${counter}`, owner: { name, email: `${name}-${counter}@acme.example` } }
  return enrolOwner(db, sealer, admin, organisation)
}

async function tokenOf({ actor }: Enrolled): Promise<string> {
  const expiresAt = new Date(Date.now() + 86_400_000)
  return (await createPersonalToken(db, actor, { name: 'script', expiresAt })).token
}

async function bodies(chain: string): Promise<string[]> {
  const rows = await db.selectFrom('auditEntry').select('body').where('chain', '=', chain).orderBy('sequence').execute()
  return rows.map(({ body }) => body)
}

async function told(notice: string): Promise<string[]> {
  const rows = await db
    .selectFrom('letter')
    .select(['toAddress', 'facts'])
    .where('kind', '=', 'security-notice')
    .orderBy('toAddress')
    .execute()
  return rows
    .filter(({ facts, toAddress }) => facts.notice === notice && toAddress.includes(`-${counter}@`))
    .map(({ toAddress }) => toAddress)
}

describe('on the staff', () => {
  test('an admin makes an agent an admin and back; it counts from the next call on, is on record and told', async () => {
    const { personId } = agent.actor
    await changeStaffRole(db, admin.actor, personId, 'admin')
    await changeStaffRole(db, admin.actor, personId, 'admin')
    expect((await findSessionBearer(db, agent.sessionToken))?.actor.role).toBe('admin')
    expect(
      (await bodies('desk')).filter((body) => body.includes('staff.change_role') && body.includes(personId)),
    ).toHaveLength(1)
    expect(await told('role_changed')).toEqual([agent.email])
    await changeStaffRole(db, admin.actor, personId, 'agent')
    expect((await findSessionBearer(db, agent.sessionToken))?.actor.role).toBe('agent')
  })

  test('only admins change, remove, disable and unlock, and only who is there', async () => {
    const owner = await newOwner('ada')
    const { personId } = agent.actor
    const verbs = [
      (actor: PersonActor, id: string) => changeStaffRole(db, actor, id, 'admin'),
      (actor: PersonActor, id: string) => removeFromStaff(db, actor, id),
      (actor: PersonActor, id: string) => disablePerson(db, actor, id),
      (actor: PersonActor, id: string) => enablePerson(db, actor, id),
      (actor: PersonActor, id: string) => unlockAccount(db, actor, id),
    ]
    for (const verb of verbs) {
      for (const { actor } of [owner, agent]) expect(await outcome(verb(actor, personId))).toBe('NOT_ALLOWED')
      expect(await outcome(verb(admin.actor, 'per_unknown'))).toBe('NOT_FOUND')
    }
    expect(await outcome(changeStaffRole(db, admin.actor, owner.actor.personId, 'agent'))).toBe('NOT_FOUND')
    expect(await outcome(removeFromStaff(db, admin.actor, owner.actor.personId))).toBe('NOT_FOUND')
  })

  test('the last admin who can act stays one, whether others are locked or disabled', async () => {
    const second = await colleague('admin', 'max')
    const lone = (change: object) =>
      db.updateTable('person').set(change).where('id', '=', second.actor.personId).execute()
    for (const change of [{ lockedAt: new Date() }, { lockedAt: null, disabledAt: new Date() }]) {
      await lone(change)
      const { personId } = admin.actor
      expect(await outcome(changeStaffRole(db, admin.actor, personId, 'agent'))).toBe('LAST_ADMIN')
      expect(await outcome(removeFromStaff(db, admin.actor, personId))).toBe('LAST_ADMIN')
      expect(await outcome(disablePerson(db, admin.actor, personId))).toBe('LAST_ADMIN')
    }
  })

  test('of two admins who demote, remove or disable each other at the same moment one stays', async () => {
    for (let round = 0; round < 20; round++) {
      const pair = [await addStaff(db, 'admin', `A ${round}`), await addStaff(db, 'admin', `B ${round}`)] as const
      await db.updateTable('person').set({ staffRole: 'agent' }).where('id', '=', admin.actor.personId).execute()
      const demote = (actor: PersonActor, id: string) => changeStaffRole(db, actor, id, 'agent')
      const remove = (actor: PersonActor, id: string) => removeFromStaff(db, actor, id)
      const disable = (actor: PersonActor, id: string) => disablePerson(db, actor, id)
      const verb = [demote, remove, disable][round % 3] ?? demote
      const [one, other] = pair
      expect(await tally([verb(one, other.personId), verb(other, one.personId)])).toEqual({ done: 1, NOT_ALLOWED: 1 })
      const left = await db
        .selectFrom('person')
        .select('id')
        .where('staffRole', '=', 'admin')
        .where('disabledAt', 'is', null)
        .execute()
      expect(left).toHaveLength(1)
      await db.updateTable('person').set({ staffRole: 'admin' }).where('id', '=', admin.actor.personId).execute()
      await db
        .updateTable('person')
        .set({ staffRole: null })
        .where('id', 'in', [one.personId, other.personId])
        .execute()
    }
  })

  test('whoever is removed is out at the next call, and what they looked after is nobody’s', async () => {
    const organisationId = await addOrganisation(db, `Acme ${counter}`)
    const owner = await addMember(db, organisationId, 'owner', 'Ada')
    const ref = await file(db, owner, (await addService(db, admin.actor, organisationId, 'Payments')).id)
    await assignRotation(db, agent.actor, ref, { assigneeId: agent.actor.personId, from: null })
    const token = await tokenOf(agent)
    await removeFromStaff(db, admin.actor, agent.actor.personId)
    expect(await findSessionBearer(db, agent.sessionToken)).toBeNull()
    expect(await findTokenBearer(db, token)).toBeNull()
    const row = await db.selectFrom('rotation').select('assigneeId').where('ref', '=', ref).executeTakeFirstOrThrow()
    expect(row.assigneeId).toBeNull()
    expect((await bodies(organisationId)).at(-1)).toContain('"assignee":null')
    expect(await told('member_removed')).toEqual([agent.email])
  })

  test('nobody is given a rotation at the very moment they leave', async () => {
    const organisationId = await addOrganisation(db, `Raced ${counter}`)
    const owner = await addMember(db, organisationId, 'owner', 'Ada')
    for (let round = 0; round < 20; round++) {
      const leaving = await addStaff(db, 'agent', `Leaving ${round}`)
      const ref = await file(db, owner, (await addService(db, admin.actor, organisationId, `S ${round}`)).id)
      await tally([
        removeFromStaff(db, admin.actor, leaving.personId),
        assignRotation(db, agent.actor, ref, { assigneeId: leaving.personId, from: null }),
      ])
      const row = await db.selectFrom('rotation').select('assigneeId').where('ref', '=', ref).executeTakeFirstOrThrow()
      expect(row.assigneeId).toBeNull()
    }
  })
})

describe('an account', () => {
  test('that is disabled is out everywhere at the next call, signs in nowhere, and is told once to each', async () => {
    const owner = await newOwner('ada')
    const token = await tokenOf(owner)
    const { personId } = owner.actor
    await disablePerson(db, admin.actor, personId)
    await disablePerson(db, admin.actor, personId)
    expect(await findSessionBearer(db, owner.sessionToken)).toBeNull()
    expect(await findTokenBearer(db, token)).toBeNull()
    expect(await outcome(signIn(db, sealer, owner))).toBe('NOT_AUTHENTICATED')
    expect(await told('account_disabled')).toEqual([owner.email])
    expect((await bodies(owner.organisationId)).filter((body) => body.includes('person.disable'))).toHaveLength(1)
    await enablePerson(db, admin.actor, personId)
    expect(await outcome(signIn(db, sealer, owner))).toBe('done')
    expect(await findTokenBearer(db, token)).toBeNull()
  })

  test('that was locked is open again, with the wrong codes forgotten, and told', async () => {
    const owner = await newOwner('ada')
    const { personId } = owner.actor
    const locked = { lockedAt: new Date(), wrongCodes: 5, wrongCodesSince: new Date(), consecutiveWrongCodes: 20 }
    await db.updateTable('person').set(locked).where('id', '=', personId).execute()
    expect(await outcome(signIn(db, sealer, owner))).toBe('NOT_AUTHENTICATED')
    expect(await tally(Array.from({ length: 5 }, () => unlockAccount(db, admin.actor, personId)))).toEqual({ done: 5 })
    expect(await outcome(signIn(db, sealer, owner))).toBe('done')
    expect(await told('account_unlocked')).toEqual([owner.email])
    expect((await bodies(owner.organisationId)).filter((body) => body.includes('person.unlock'))).toHaveLength(1)
  })
})

describe('an open invitation', () => {
  async function invited() {
    const owner = await newOwner('ada')
    const email = `new-${counter}@acme.example`
    await inviteMember(db, owner.actor, { name: 'Nia', email, role: 'viewer', organisationId: owner.organisationId })
    const first = await invitationToken(db, email)
    const row = await db
      .selectFrom('invitation')
      .select('id')
      .where('organisationId', '=', owner.organisationId)
      .where('acceptedAt', 'is', null)
      .executeTakeFirstOrThrow()
    return { owner, email, first, id: row.id }
  }
  const idOf = async (organisationId: string) =>
    (
      await db
        .selectFrom('invitation')
        .select('id')
        .where('organisationId', '=', organisationId)
        .where('acceptedAt', 'is', null)
        .executeTakeFirst()
    )?.id ?? ''

  test('is sent again with a new link, also when it has run out; the old link is void', async () => {
    const { owner, email, first, id } = await invited()
    await db.updateTable('invitation').set({ expiresAt: new Date() }).where('id', '=', id).execute()
    await resendInvitation(db, owner.actor, id)
    const second = await invitationToken(db, email)
    expect(second).not.toBe(first)
    expect(await findInvitation(db, sealer, first)).toBeNull()
    expect(await findInvitation(db, sealer, second)).toMatchObject({ role: 'viewer', email })
    expect(await outcome(resendInvitation(db, owner.actor, id))).toBe('NOT_FOUND')
  })

  test('is void once withdrawn', async () => {
    const { owner, first, id } = await invited()
    await withdrawInvitation(db, owner.actor, id)
    expect(await findInvitation(db, sealer, first)).toBeNull()
    expect(await outcome(withdrawInvitation(db, owner.actor, id))).toBe('NOT_FOUND')
    expect((await bodies(owner.organisationId)).at(-1)).toContain('member.withdraw_invitation')
  })

  test('is for the owners of its organisation and admins to look after; of the staff for admins alone', async () => {
    const { owner, id } = await invited()
    const rival = await newOwner('rex')
    const viewer = await enrolMember(db, sealer, owner, {
      name: 'Vic',
      email: `vic-${counter}@acme.example`,
      role: 'viewer',
    })
    for (const verb of [resendInvitation, withdrawInvitation]) {
      expect(await outcome(verb(db, rival.actor, id))).toBe('NOT_FOUND')
      for (const { actor } of [viewer, agent]) expect(await outcome(verb(db, actor, id))).toBe('NOT_ALLOWED')
    }
    expect(await outcome(resendInvitation(db, admin.actor, id))).toBe('done')
    expect(await outcome(withdrawInvitation(db, admin.actor, await idOf(owner.organisationId)))).toBe('done')
  })

  test('of accepting and withdrawing at the same moment one wins', async () => {
    for (let round = 0; round < 20; round++) {
      const owner = round === 0 ? await newOwner('ada') : owners[0]
      if (owner === undefined) throw new Error('nobody')
      owners[0] = owner
      const email = `race-${round}-${counter}@acme.example`
      await inviteMember(db, owner.actor, { name: 'Nia', email, role: 'viewer', organisationId: owner.organisationId })
      const token = await invitationToken(db, email)
      const code = codeFor((await findInvitation(db, sealer, token))?.enrolment?.codeSeed ?? '')
      const outcomes = await Promise.all([
        outcome(acceptInvitation(db, sealer, token, { password: PASSWORD, code })),
        outcome(withdrawInvitation(db, owner.actor, await idOf(owner.organisationId))),
      ])
      expect([
        ['done', 'NOT_FOUND'],
        ['INVITATION_VOID', 'done'],
      ]).toContainEqual(outcomes)
    }
  })
  const owners: Awaited<ReturnType<typeof newOwner>>[] = []
})

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findProposals } from '../../../src/database/proposals/find.ts'
import { dismissProposal } from '../../../src/desk/proposals/proposals.ts'
import { changePassword } from '../../../src/identity/account/password.ts'
import { disablePerson } from '../../../src/identity/members/accounts.ts'
import { removeMember } from '../../../src/identity/members/removal.ts'
import { changeMemberRole } from '../../../src/identity/members/roles.ts'
import { revealVersion } from '../../../src/keyring/reveal.ts'
import type { MemberRole, PersonActor } from '../../../src/rules/permissions.ts'
import { hashPassword } from '../../../src/secrets/passwords.ts'
import { openTestDatabase } from '../../support/database.ts'
import { refusalOf } from '../../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  addService,
  carryOutAll,
  type DeskWorld,
  fileAndApprove,
  makeDeskWorld,
  maker,
} from '../../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

let person: PersonActor
beforeEach(async () => {
  await db
    .updateTable('proposal')
    .set({ endedAt: new Date(), dismissedBy: world.owner.personId })
    .where('endedAt', 'is', null)
    .execute()
  person = await addMember(db, world.organisationId, 'developer', 'Dev Leaver')
})

const open = () => findProposals(db, { organisationId: world.organisationId })
const place = () => ({ organisationId: world.organisationId, personId: person.personId })

async function lettersAbout(id: string) {
  const rows = await db
    .selectFrom('letter')
    .select('toAddress')
    .where('naturalKey', 'like', `notice/rotation_proposed/${id}/%`)
    .execute()
  return rows.length
}

describe('a rotation is proposed', () => {
  test('when a developer goes, of all keys where they picked up none, and the owners are told', async () => {
    await removeMember(db, world.owner, place())
    const [proposal, ...others] = await open()
    expect(others).toEqual([])
    expect(proposal).toMatchObject({ cause: 'member_removed', person: { name: 'Dev Leaver' } })
    expect(proposal?.keys.map(({ id }) => id).sort()).toEqual(
      [world.service.authKeyId, world.service.adminKeyId].sort(),
    )
    expect(await lettersAbout(proposal?.id ?? '')).toBe(1)
  })

  test('of those alone that they picked up, where there are any', async () => {
    const service = await addService(db, world.admin, world.organisationId, 'Picked up')
    const { id } = await db
      .selectFrom('version')
      .select('id')
      .where('keyId', '=', service.adminKeyId)
      .executeTakeFirstOrThrow()
    await db.updateTable('membership').set({ mayReveal: true }).where('personId', '=', person.personId).execute()
    await revealVersion(db, maker.sealer, person, id)
    await changeMemberRole(db, world.owner, place(), 'viewer')
    expect((await open()).map(({ cause, keys }) => [cause, ...keys.map((key) => key.id)])).toEqual([
      ['role_changed', service.adminKeyId],
    ])
  })

  test('when a password was changed, in each of the person’s organisations', async () => {
    const elsewhere = await addOrganisation(db, 'Elsewhere')
    await addService(db, world.admin, elsewhere, 'Theirs')
    const { personId } = person
    await db
      .insertInto('membership')
      .values({ personId, organisationId: elsewhere, role: 'owner', createdAt: new Date() })
      .execute()
    await db
      .updateTable('person')
      .set({ passwordHash: await hashPassword('nine herons on a kettle') })
      .where('id', '=', personId)
      .execute()
    const session = {
      id: 'ses_x',
      type: 'session',
      formToken: null,
      complete: true,
      email: '',
      timeZone: 'UTC',
    } as const
    const change = { password: 'nine herons on a kettle', newPassword: 'ten herons on a kettle', network: '192.0.2.1' }
    await changePassword(db, { ...session, actor: person }, change)
    expect((await open()).map(({ cause }) => cause)).toEqual(['password_changed'])
    expect(await findProposals(db, { organisationId: elsewhere })).toHaveLength(1)
  })

  test('when an account is disabled, and only one about a person at a time', async () => {
    await disablePerson(db, world.admin, person.personId)
    await removeMember(db, world.owner, place())
    expect((await open()).map(({ cause }) => cause)).toEqual(['member_removed'])
  })

  test.each<MemberRole>(['viewer'])('not about a %s who picked up nothing', async (role) => {
    person = await addMember(db, world.organisationId, role, 'Vi Ewer')
    await removeMember(db, world.owner, place())
    expect(await open()).toEqual([])
  })
})

describe('a proposal', () => {
  async function proposed() {
    await removeMember(db, world.owner, place())
    const [proposal] = await open()
    if (proposal === undefined) throw new Error('nothing was proposed')
    return proposal
  }

  test('is dismissed by an owner, once, and written down', async () => {
    const { id } = await proposed()
    const developer = await addMember(db, world.organisationId, 'developer', 'Another')
    expect((await refusalOf(dismissProposal(db, developer, id))).code).toBe('NOT_ALLOWED')
    const rival = { ...world.owner, organisationId: await addOrganisation(db, 'Rival') }
    expect((await refusalOf(dismissProposal(db, rival, id))).code).toBe('NOT_FOUND')
    await Promise.all([dismissProposal(db, world.owner, id), dismissProposal(db, world.owner, id)])
    expect(await open()).toEqual([])
    const entries = db.selectFrom('auditEntry').select('sequence').where('action', '=', 'proposal.dismiss')
    expect(await entries.where('body', 'like', `%${id}%`).execute()).toHaveLength(1)
  })

  test('is over once a rotation was filed from it, whichever of its keys were chosen', async () => {
    const { id } = await proposed()
    const service = await addService(db, world.admin, world.organisationId, 'Chosen')
    const ref = await fileAndApprove(db, world, service.id, { proposalId: id })
    const row = await db.selectFrom('proposal').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    expect(row).toMatchObject({ rotationRef: ref, dismissedBy: null })
  })

  test('is over once all of its keys were filed, wherever from; filed and dismissed at once, it ended one way', async () => {
    for (let round = 0; round < 20; round += 1) {
      const organisationId = await addOrganisation(db, `Raced ${round}`)
      const owner = await addMember(db, organisationId, 'owner', 'Own Er')
      const service = await addService(db, world.admin, organisationId, 'One')
      const leaver = await addMember(db, organisationId, 'developer', 'Dev')
      await removeMember(db, owner, { organisationId, personId: leaver.personId })
      const [proposal] = await findProposals(db, { organisationId })
      const theirs = { ...world, owner }
      const [filed] = await Promise.allSettled([
        fileAndApprove(db, theirs, service.id),
        dismissProposal(db, owner, proposal?.id ?? ''),
      ])
      expect(filed.status).toBe('fulfilled')
      const rows = await db.selectFrom('proposal').selectAll().where('organisationId', '=', organisationId).execute()
      expect(rows.map((row) => (row.rotationRef === null) !== (row.dismissedBy === null))).toEqual([true])
    }
  })

  test('tells only of keys that are still what they were', async () => {
    await proposed()
    await fileAndApprove(db, world, world.service.id, {
      items: [{ keyId: world.service.authKeyId }],
      overlapSeconds: 0,
      reason: 'compromised',
    })
    await carryOutAll(db)
    expect((await open()).flatMap(({ keys }) => keys.map(({ id }) => id))).not.toContain(world.service.authKeyId)
  })
})

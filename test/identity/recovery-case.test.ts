import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { findOwnerChange } from '../../src/database/rotations/decision-facts.ts'
import { acceptInvitation, findInvitation } from '../../src/identity/members/invitations.ts'
import { inviteMember } from '../../src/identity/members/organisations.ts'
import { carryOutRecoveryCase } from '../../src/identity/recovery/carry-out.ts'
import { confirmRecoveryCase, refuseRecoveryCase } from '../../src/identity/recovery/decide.ts'
import { type NewCase, openRecoveryCase, openRequestedCase } from '../../src/identity/recovery/open.ts'
import {
  answerNextAccessRequest,
  confirmAccessRequest,
  findAccessRequest,
  requestAccess,
} from '../../src/identity/recovery/request.ts'
import { findSessionBearer, findTokenBearer } from '../../src/identity/sign-in/bearers.ts'
import { createPersonalToken } from '../../src/identity/tokens/tokens.ts'
import type { PersonActor } from '../../src/rules/permissions.ts'
import { createCountingSealer } from '../support/counting-sealer.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, refusalOf, tally } from '../support/refusals.ts'
import { addMember, addOrganisation, addStaff } from '../support/worlds/desk-world.ts'
import {
  codeFor,
  type Enrolled,
  enrolFirstAdmin,
  enrolMember,
  enrolOwner,
  invitationToken,
  PASSWORD,
  signIn,
  tokenOf,
  VERIFIED,
} from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const { sealer } = createCountingSealer()
const admin = await enrolFirstAdmin(db, sealer)
const agent = await addStaff(db, 'agent', 'Gus Agent')
const second = await addStaff(db, 'agent', 'Gia Agent')
const HOUR = 3_600_000
let owner: Enrolled & { organisationId: string }
let counter = 0

beforeEach(async () => {
  counter += 1
  const organisation = { name: `Acme ${counter}`, owner: { name: 'Ada Owner', email: `ada-${counter}@acme.example` } }
  owner = await enrolOwner(db, sealer, admin, organisation)
})

function lostAccess(person: Enrolled | PersonActor = owner): NewCase {
  const { personId } = 'actor' in person ? person.actor : person
  return { kind: 'lost_access', organisationId: owner.organisationId, personId, ...VERIFIED }
}

function otherOwner(): Promise<PersonActor> {
  return addMember(db, owner.organisationId, 'owner', 'Bea Owner')
}

async function openCase(input: NewCase = lostAccess()): Promise<string> {
  return (await openRecoveryCase(db, agent, input)).id
}

async function confirmed(input: NewCase = lostAccess()): Promise<string> {
  const id = await openCase(input)
  await confirmRecoveryCase(db, second, id)
  return id
}

/** As if the cooling-off had begun so much earlier. */
async function letPass(id: string, milliseconds: number): Promise<void> {
  const shift = sql<Date>`not_before - ${milliseconds} * interval '1 millisecond'`
  await db.updateTable('recoveryCase').set({ notBefore: shift }).where('id', '=', id).execute()
}

async function ready(input: NewCase = lostAccess()): Promise<string> {
  const id = await confirmed(input)
  await letPass(id, 72 * HOUR)
  return id
}

function caseOf(id: string) {
  return db.selectFrom('recoveryCase').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

async function told(notice: string): Promise<string[]> {
  const rows = await db
    .selectFrom('letter')
    .select(['toAddress', 'facts'])
    .where('kind', '=', 'security-notice')
    .orderBy('toAddress')
    .execute()
  return rows
    .filter(({ facts }) => facts.notice === notice && facts.organisation === `Acme ${counter}`)
    .map(({ toAddress }) => toAddress)
}

async function emailOf({ personId }: PersonActor): Promise<string> {
  return (await db.selectFrom('person').select('email').where('id', '=', personId).executeTakeFirstOrThrow()).email
}

async function actions(): Promise<string[]> {
  const rows = await db
    .selectFrom('auditEntry')
    .select('body')
    .where('chain', '=', owner.organisationId)
    .orderBy('sequence')
    .execute()
  return rows.map(({ body }) => /"action":"(recovery[^"]*)"/.exec(body)?.[1] ?? '').filter((action) => action !== '')
}

async function disable({ personId }: PersonActor): Promise<void> {
  await db.updateTable('person').set({ disabledAt: new Date() }).where('id', '=', personId).execute()
}

async function linkIn(kind: string, email: string): Promise<string> {
  const letter = await db
    .selectFrom('letter')
    .select('facts')
    .where('kind', '=', kind)
    .where('toAddress', '=', email)
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow()
  return String(letter.facts.path)
}

describe('a case is opened', () => {
  test('by one of the staff with how the caller was verified, and everybody of the organisation hears of it', async () => {
    const viewer = await addMember(db, owner.organisationId, 'viewer', 'Vic')
    const gone = await otherOwner()
    await disable(gone)
    const id = await openCase()
    expect(await caseOf(id)).toMatchObject({
      status: 'opened',
      openedBy: agent.personId,
      email: owner.email,
      ...VERIFIED,
    })
    expect(await told('recovery_opened')).toEqual([owner.email, await emailOf(viewer), await emailOf(gone)].sort())
    expect(await actions()).toEqual(['recovery.open'])
  })

  test('by nobody who isn’t on the staff, belongs to that organisation, or is the person', async () => {
    expect(await outcome(openRecoveryCase(db, owner.actor, lostAccess()))).toBe('NOT_ALLOWED')
    await db
      .insertInto('membership')
      .values({
        personId: second.personId,
        organisationId: owner.organisationId,
        role: 'viewer',
        createdAt: new Date(),
      })
      .execute()
    expect(await outcome(openRecoveryCase(db, second, lostAccess()))).toBe('OWN_CASE')
    await db.deleteFrom('membership').where('personId', '=', second.personId).execute()
    const own: NewCase = { kind: 'lost_access', organisationId: null, personId: second.personId, ...VERIFIED }
    expect(await outcome(openRecoveryCase(db, second, own))).toBe('OWN_CASE')
  })

  test('with every check ticked and words that say how, without a key in them', async () => {
    const open = (changes: object) => refusalOf(openRecoveryCase(db, agent, { ...lostAccess(), ...changes }))
    expect((await open({ checks: ['called_back'] })).errors).toMatchObject([{ pointer: '/checks' }])
    expect((await open({ verifiedBy: 'ok' })).errors).toMatchObject([{ pointer: '/verifiedBy' }])
    expect((await open({ verifiedBy: `They read out rk_auth_live_${'a'.repeat(38)}` })).code).toBe('CONTAINS_SECRET')
  })

  test('once per address, also when two do so at the same moment', async () => {
    const both = await tally([openRecoveryCase(db, agent, lostAccess()), openRecoveryCase(db, second, lostAccess())])
    expect(both).toEqual({ done: 1, CASE_OPEN: 1 })
  })

  test('for what is so: no owner left, or somebody who is there', async () => {
    const newOwner = {
      kind: 'no_owner',
      organisationId: owner.organisationId,
      name: 'New',
      email: `new-${counter}@acme.example`,
    } as const
    expect(await outcome(openCase({ ...newOwner, ...VERIFIED }))).toBe('ILLEGAL_MOVE')
    const stranger = await addMember(db, await addOrganisation(db, 'Rivals'), 'owner', 'Rex')
    expect(await outcome(openCase(lostAccess(stranger)))).toBe('ILLEGAL_MOVE')
    await disable(owner.actor)
    expect(await outcome(openCase())).toBe('ILLEGAL_MOVE')
    expect(await outcome(openCase({ ...newOwner, ...VERIFIED }))).toBe('done')
  })
})

describe('a second agent confirms it', () => {
  test('never the first, nor one of that organisation, nor one who is not on the staff', async () => {
    const id = await openCase()
    expect(await outcome(confirmRecoveryCase(db, agent, id))).toBe('OWN_CASE')
    expect(await outcome(confirmRecoveryCase(db, owner.actor, id))).toBe('NOT_ALLOWED')
    const third = await addStaff(db, 'agent', 'Third')
    await db
      .insertInto('membership')
      .values({ personId: third.personId, organisationId: owner.organisationId, role: 'viewer', createdAt: new Date() })
      .execute()
    expect(await outcome(confirmRecoveryCase(db, third, id))).toBe('OWN_CASE')
    expect(await outcome(confirmRecoveryCase(db, second, 'rcv_none'))).toBe('NOT_FOUND')
    expect((await caseOf(id)).status).toBe('opened')
  })

  test('and it cools off for 24 hours where another owner can object, for 72 where nobody can', async () => {
    const wait = async (id: string) => {
      const { confirmedAt, notBefore } = await caseOf(id)
      return ((notBefore?.getTime() ?? 0) - (confirmedAt?.getTime() ?? 0)) / HOUR
    }
    const alone = await confirmed()
    expect(await wait(alone)).toBe(72)
    await refuseRecoveryCase(db, agent, alone, 'again')
    const bea = await otherOwner()
    const together = await confirmed()
    expect(await wait(together)).toBe(24)
    expect(await told('recovery_confirmed')).toEqual([owner.email, owner.email, await emailOf(bea)].sort())
  })

  test('once, of many at the same moment', async () => {
    for (let round = 0; round < 20; round++) {
      const id = await openCase()
      const third = await addStaff(db, 'agent', `Third ${round}`)
      const both = await tally([second, third].map((each) => confirmRecoveryCase(db, each, id)))
      expect(both).toEqual({ done: 1, ILLEGAL_MOVE: 1 })
      await refuseRecoveryCase(db, agent, id, 'next round')
    }
  })
})

describe('nothing is done', () => {
  test('before the cooling-off is over, by whomever', async () => {
    const id = await confirmed()
    await letPass(id, 72 * HOUR - 60_000)
    for (const actor of [agent, second, admin.actor]) {
      expect(await outcome(carryOutRecoveryCase(db, actor, id))).toBe('COOLING_OFF')
    }
    await letPass(id, 60_000)
    expect(await outcome(carryOutRecoveryCase(db, agent, id))).toBe('done')
  })

  test('without a second agent, however old the case is', async () => {
    const id = await openCase()
    await db
      .updateTable('recoveryCase')
      .set({ notBefore: new Date(0) })
      .where('id', '=', id)
      .execute()
    expect(await outcome(carryOutRecoveryCase(db, agent, id))).toBe('ILLEGAL_MOVE')
  })

  test('a week after the cooling-off any more', async () => {
    const id = await ready()
    await letPass(id, 7 * 24 * HOUR + 60_000)
    expect(await outcome(carryOutRecoveryCase(db, agent, id))).toBe('ILLEGAL_MOVE')
  })

  test('by somebody outside the staff or of that organisation', async () => {
    const id = await ready()
    expect(await outcome(carryOutRecoveryCase(db, owner.actor, id))).toBe('NOT_ALLOWED')
    const third = await addStaff(db, 'agent', 'Third')
    await db
      .insertInto('membership')
      .values({ personId: third.personId, organisationId: owner.organisationId, role: 'viewer', createdAt: new Date() })
      .execute()
    expect(await outcome(carryOutRecoveryCase(db, third, id))).toBe('OWN_CASE')
  })

  test('when the address, the membership or the account changed meanwhile', async () => {
    const id = await ready()
    await db
      .updateTable('person')
      .set({ email: `thief-${counter}@else.example` })
      .where('email', '=', owner.email)
      .execute()
    expect(await outcome(carryOutRecoveryCase(db, agent, id))).toBe('ILLEGAL_MOVE')
    await db
      .updateTable('person')
      .set({ email: owner.email, disabledAt: new Date() })
      .where('id', '=', owner.actor.personId)
      .execute()
    expect(await outcome(carryOutRecoveryCase(db, agent, id))).toBe('ILLEGAL_MOVE')
    await db.updateTable('person').set({ disabledAt: null }).where('id', '=', owner.actor.personId).execute()
    await db.deleteFrom('membership').where('personId', '=', owner.actor.personId).execute()
    expect(await outcome(carryOutRecoveryCase(db, agent, id))).toBe('ILLEGAL_MOVE')
  })
})

describe('an objection', () => {
  test('of an owner or of the person it is about ends it, with a reason that everybody is told to look at', async () => {
    const bea = await otherOwner()
    for (const actor of [bea, owner.actor]) {
      const id = await confirmed()
      expect((await refusalOf(refuseRecoveryCase(db, actor, id, '  '))).errors).toMatchObject([{ pointer: '/reason' }])
      await refuseRecoveryCase(db, actor, id, 'That was not one of us.')
      expect(await caseOf(id)).toMatchObject({
        status: 'refused',
        closedBy: actor.personId,
        reason: 'That was not one of us.',
      })
      await letPass(id, 72 * HOUR)
      expect(await outcome(carryOutRecoveryCase(db, agent, id))).toBe('ILLEGAL_MOVE')
      expect(await outcome(refuseRecoveryCase(db, actor, id, 'again'))).toBe('ILLEGAL_MOVE')
    }
    expect(await told('recovery_refused')).toHaveLength(4)
  })

  test('is not for other members while there is an owner, and is for them once there is none', async () => {
    const viewer = await addMember(db, owner.organisationId, 'viewer', 'Vic')
    const dev = await addMember(db, owner.organisationId, 'developer', 'Dev')
    const about = await openCase(lostAccess(dev))
    expect(await outcome(refuseRecoveryCase(db, viewer, about, 'no'))).toBe('NOT_ALLOWED')
    await disable(owner.actor)
    expect(await outcome(refuseRecoveryCase(db, viewer, about, 'no'))).toBe('done')
  })

  test('of another organisation finds no case', async () => {
    const stranger = await addMember(db, await addOrganisation(db, 'Rivals'), 'owner', 'Rex')
    expect(await outcome(refuseRecoveryCase(db, stranger, await openCase(), 'no'))).toBe('NOT_FOUND')
  })

  test('and carrying it out at the same moment: one wins, the loser is told', async () => {
    await otherOwner()
    const dev = await addMember(db, owner.organisationId, 'developer', 'Dev')
    for (let round = 0; round < 20; round++) {
      const id = await ready(lostAccess(dev))
      const outcomes = await Promise.all([
        outcome(refuseRecoveryCase(db, owner.actor, id, 'no')),
        outcome(carryOutRecoveryCase(db, agent, id)),
      ])
      expect(outcomes.toSorted()).toEqual(['ILLEGAL_MOVE', 'done'])
      expect((await caseOf(id)).status).toBe(outcomes[0] === 'done' ? 'refused' : 'done')
    }
  })

  test('and a confirmation at the same moment leave it refused', async () => {
    await otherOwner()
    for (let round = 0; round < 20; round++) {
      const id = await openCase()
      const [, objection] = await Promise.all([
        outcome(confirmRecoveryCase(db, second, id)),
        outcome(refuseRecoveryCase(db, owner.actor, id, 'no')),
      ])
      expect(objection).toBe('done')
      expect((await caseOf(id)).status).toBe('refused')
    }
  })
})

describe('once carried out', () => {
  test('the other organisations of the person hear of it, in their trail and by mail to their owners', async () => {
    const elsewhere = await addOrganisation(db, 'Elsewhere')
    const leader = await addMember(db, elsewhere, 'owner', 'Eve Elsewhere')
    const membership = { personId: owner.actor.personId, organisationId: elsewhere, role: 'viewer' as const }
    await db
      .insertInto('membership')
      .values({ ...membership, createdAt: new Date() })
      .execute()
    const id = await confirmed()
    await letPass(id, 80 * HOUR)
    await carryOutRecoveryCase(db, agent, id)
    const entries = await db.selectFrom('auditEntry').select('action').where('chain', '=', elsewhere).execute()
    expect(entries).toEqual([{ action: 'recovery.carry_out' }])
    const { email } = await db
      .selectFrom('person')
      .select('email')
      .where('id', '=', leader.personId)
      .executeTakeFirstOrThrow()
    const letters = await db.selectFrom('letter').select('facts').where('toAddress', '=', email).execute()
    expect(letters.map(({ facts }) => [facts.notice, facts.about])).toEqual([['recovery_done', 'Ada Owner']])
  })

  test('whoever lost their access has nothing of the old any more, and is mailed the link at once', async () => {
    const expiresAt = new Date(Date.now() + 86_400_000)
    const { token } = await createPersonalToken(db, owner.actor, { name: 'script', expiresAt })
    const at = new Date()
    const { personId } = owner.actor
    await db
      .insertInto('recoveryCode')
      .values({ personId, codeHash: Buffer.alloc(32), createdAt: at })
      .execute()
    await db
      .insertInto('passwordReset')
      .values({ personId, tokenHash: Buffer.alloc(32, counter), createdAt: at, expiresAt })
      .execute()
    const id = await ready()
    expect(await tally([carryOutRecoveryCase(db, agent, id), carryOutRecoveryCase(db, second, id)])).toEqual({
      done: 1,
      ILLEGAL_MOVE: 1,
    })
    expect(await findSessionBearer(db, owner.sessionToken)).toBeNull()
    expect(await findTokenBearer(db, token)).toBeNull()
    expect(await outcome(signIn(db, sealer, owner))).toBe('NOT_AUTHENTICATED')
    expect(await db.selectFrom('recoveryCode').selectAll().where('personId', '=', personId).execute()).toEqual([])
    expect(await db.selectFrom('passwordReset').selectAll().where('personId', '=', personId).execute()).toEqual([])
    const links = await db
      .selectFrom('letter')
      .select('toAddress')
      .where('kind', '=', 'access-link')
      .where('toAddress', '=', owner.email)
      .execute()
    expect(links).toHaveLength(1)
    expect(await told('recovery_done')).toEqual([owner.email])
    expect(await actions()).toEqual(['recovery.open', 'recovery.confirm', 'recovery.carry_out'])
  })

  test('the link sets a new password and device once, and the hold of an owner’s change counts from then', async () => {
    const id = await ready()
    await carryOutRecoveryCase(db, agent, id)
    const long = new Date('2026-01-01T00:00:00Z')
    await db
      .updateTable('person')
      .set({ passwordChangedAt: long, codeChangedAt: long })
      .where('email', '=', owner.email)
      .execute()
    const token = tokenOf(await linkIn('access-link', owner.email))
    const view = await findInvitation(db, sealer, token)
    expect(view).toMatchObject({ recovery: true, email: owner.email })
    const totpSecret = view?.enrolment?.codeSeed ?? ''
    const acceptance = { password: 'a brook of seven otters', code: codeFor(totpSecret) }
    const outcomes = await tally([
      acceptInvitation(db, sealer, token, acceptance),
      acceptInvitation(db, sealer, token, acceptance),
    ])
    expect(outcomes).toEqual({ done: 1, INVITATION_VOID: 1 })
    const changed = await findOwnerChange(db, owner.organisationId)
    expect(Date.now() - (changed?.getTime() ?? 0)).toBeLessThan(60_000)
    const person = await db.selectFrom('person').selectAll().where('email', '=', owner.email).executeTakeFirstOrThrow()
    expect(Date.now() - (person.codeChangedAt?.getTime() ?? 0)).toBeLessThan(60_000)
    expect(Date.now() - (person.passwordChangedAt?.getTime() ?? 0)).toBeLessThan(60_000)
    const back = await signIn(db, sealer, { ...owner, password: acceptance.password, totpSecret })
    expect(back.actor).toMatchObject({ role: 'owner', organisationId: owner.organisationId })
    expect(await outcome(signIn(db, sealer, owner))).toBe('NOT_AUTHENTICATED')
  })

  test('no other invitation sets the password of whoever lost theirs', async () => {
    const rival = await enrolOwner(db, sealer, admin, {
      name: 'Rivals',
      owner: { name: 'Rex', email: `rex-${counter}@rivals.example` },
    })
    await inviteMember(db, rival.actor, {
      name: 'Ada',
      email: owner.email,
      role: 'viewer',
      organisationId: rival.organisationId,
    })
    await carryOutRecoveryCase(db, agent, await ready())
    const token = await invitationToken(db, owner.email)
    const seed = (await findInvitation(db, sealer, token))?.enrolment?.codeSeed
    const code = seed === undefined ? '000000' : codeFor(seed)
    expect(await outcome(acceptInvitation(db, sealer, token, { password: PASSWORD, code }))).toBe('INVITATION_VOID')
  })

  test('what was made at the very moment it was carried out is of no use, then or later', async () => {
    const expiresAt = new Date(Date.now() + 86_400_000)
    await carryOutRecoveryCase(db, agent, await ready())
    const { token } = await createPersonalToken(db, owner.actor, { name: 'late', expiresAt })
    expect(await findTokenBearer(db, token)).toBeNull()
    const link = tokenOf(await linkIn('access-link', owner.email))
    const seed = (await findInvitation(db, sealer, link))?.enrolment?.codeSeed ?? ''
    await acceptInvitation(db, sealer, link, { password: 'a brook of seven otters', code: codeFor(seed) })
    expect(await findTokenBearer(db, token)).toBeNull()
  })

  test('a locked account is open again', async () => {
    await db.updateTable('person').set({ lockedAt: new Date() }).where('email', '=', owner.email).execute()
    await carryOutRecoveryCase(db, agent, await ready())
    expect(await findInvitation(db, sealer, tokenOf(await linkIn('access-link', owner.email)))).not.toBeNull()
  })

  test('an organisation without an owner gets the one named, by invitation to that address', async () => {
    await disable(owner.actor)
    const email = `new-${counter}@acme.example`
    const id = await ready({
      kind: 'no_owner',
      organisationId: owner.organisationId,
      name: 'Nia New',
      email,
      ...VERIFIED,
    })
    await carryOutRecoveryCase(db, second, id)
    expect(await findInvitation(db, sealer, await invitationToken(db, email))).toMatchObject({
      role: 'owner',
      email,
      recovery: false,
    })
    expect(await outcome(carryOutRecoveryCase(db, second, id))).toBe('ILLEGAL_MOVE')
  })

  test('a member who is named becomes owner where they are', async () => {
    const dev = await enrolMember(db, sealer, owner, {
      name: 'Dev',
      email: `dev-${counter}@acme.example`,
      role: 'developer',
    })
    await disable(owner.actor)
    const input = {
      kind: 'no_owner',
      organisationId: owner.organisationId,
      name: 'Dev',
      email: dev.email,
      ...VERIFIED,
    } as const
    await carryOutRecoveryCase(db, second, await ready(input))
    expect((await findSessionBearer(db, dev.sessionToken))?.actor.role).toBe('owner')
  })

  test('an organisation that got an owner meanwhile is left alone', async () => {
    await disable(owner.actor)
    const input = {
      kind: 'no_owner',
      organisationId: owner.organisationId,
      name: 'New',
      email: 'n@acme.example',
      ...VERIFIED,
    } as const
    const id = await ready(input)
    await db.updateTable('person').set({ disabledAt: null }).where('id', '=', owner.actor.personId).execute()
    expect(await outcome(carryOutRecoveryCase(db, second, id))).toBe('ILLEGAL_MOVE')
  })

  test('one of the staff gets their access back in the same way', async () => {
    const input: NewCase = { kind: 'lost_access', organisationId: null, personId: admin.actor.personId, ...VERIFIED }
    const id = await ready(input)
    expect(await outcome(openRecoveryCase(db, second, input))).toBe('CASE_OPEN')
    await refuseRecoveryCase(db, second, id, 'They found their phone.')
    expect((await caseOf(id)).status).toBe('refused')
  })
})

describe('whoever lost their access', () => {
  let asked = 0
  const ask = (email: string, organisation = '') => {
    asked += 1
    return requestAccess(db, { email, organisation, network: `192.0.2.${asked}`, proof: null })
  }
  async function answerAll(): Promise<void> {
    while (await answerNextAccessRequest(db));
  }
  const openCases = () =>
    db.selectFrom('recoveryCase').selectAll().where('organisationId', '=', owner.organisationId).execute()

  test('is mailed a link, says that it was them, and a case waits for the staff', async () => {
    await ask(owner.email.toUpperCase(), `acme ${counter}`)
    await answerAll()
    const token = (await linkIn('lost-access', owner.email)).slice('/lost-access/'.length)
    expect(await findAccessRequest(db, token)).toEqual({ name: 'Ada Owner', email: owner.email })
    expect(await openCases()).toEqual([])
    expect(await tally([confirmAccessRequest(db, token), confirmAccessRequest(db, token)])).toEqual({
      done: 1,
      RESET_VOID: 1,
    })
    const [recovery] = await openCases()
    expect(recovery).toMatchObject({ status: 'requested', kind: 'lost_access', personId: owner.actor.personId })
    expect(await findAccessRequest(db, token)).toBeNull()
    const id = recovery?.id ?? ''
    expect(await outcome(confirmRecoveryCase(db, second, id))).toBe('ILLEGAL_MOVE')
    await openRequestedCase(db, agent, id, VERIFIED)
    await confirmRecoveryCase(db, second, id)
    expect(await actions()).toEqual(['recovery.request', 'recovery.open', 'recovery.confirm'])
  })

  test('is mailed although the letter before theirs cannot be written', async () => {
    await ask(admin.email)
    await ask(owner.email, `acme ${counter}`)
    await sql`
      create function break_off() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$`.execute(
      db,
    )
    await sql`
      create trigger break_off after insert on letter for each row when (new.to_address = ${sql.lit(admin.email)})
      execute function break_off()`.execute(db)
    await expect(answerNextAccessRequest(db)).rejects.toThrow('killed')
    expect(await answerNextAccessRequest(db)).toBe(true)
    expect(await linkIn('lost-access', owner.email)).toMatch(/^\/lost-access\//)
    await sql`drop trigger break_off on letter`.execute(db)
    await answerAll()
    expect(await linkIn('lost-access', admin.email)).toMatch(/^\/lost-access\//)
  })

  test('with an address that nobody has, or a disabled account, is answered the same and mailed nothing', async () => {
    const before = await db.selectFrom('letter').select('id').execute()
    await disable(owner.actor)
    await ask('nobody@nowhere.example')
    await ask(owner.email)
    await answerAll()
    expect(await db.selectFrom('letter').select('id').execute()).toHaveLength(before.length)
    expect(await db.selectFrom('accessRequest').selectAll().where('tokenHash', 'is', null).execute()).toEqual([])
  })

  test('finds a link that is older than a day void', async () => {
    await ask(owner.email)
    await answerAll()
    const token = (await linkIn('lost-access', owner.email)).slice('/lost-access/'.length)
    await db.updateTable('accessRequest').set({ expiresAt: new Date() }).where('email', '=', owner.email).execute()
    expect(await outcome(confirmAccessRequest(db, token))).toBe('RESET_VOID')
    expect(await outcome(confirmAccessRequest(db, 'unknown'))).toBe('RESET_VOID')
  })

  test('asks three times a day for an address at most, known or not', async () => {
    for (const email of [owner.email, `nobody-${counter}@nowhere.example`]) {
      expect(await tally(Array.from({ length: 5 }, () => ask(email)))).toEqual({ done: 3, TOO_MANY_REQUESTS: 2 })
    }
  })

  test('is answered once, however many workers look', async () => {
    await ask(owner.email)
    await Promise.all(Array.from({ length: 8 }, answerAll))
    const letters = await db
      .selectFrom('letter')
      .select('id')
      .where('kind', '=', 'lost-access')
      .where('toAddress', '=', owner.email)
      .execute()
    expect(letters).toHaveLength(1)
  })
})

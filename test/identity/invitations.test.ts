import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { findMemberships } from '../../src/database/people/people.ts'
import { findInvitations, findPeople } from '../../src/database/people/places.ts'
import { acceptInvitation, findInvitation } from '../../src/identity/members/invitations.ts'
import { createOrganisation, inviteMember, inviteStaff } from '../../src/identity/members/organisations.ts'
import { findSessionBearer } from '../../src/identity/sign-in/bearers.ts'
import { beginSignIn, finishSignIn } from '../../src/identity/sign-in/sign-in.ts'
import { createCountingSealer } from '../support/counting-sealer.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, refusalOf, tally } from '../support/refusals.ts'
import {
  codeFor,
  type Enrolled,
  enrol,
  enrolFirstAdmin,
  enrolOwner,
  enrolStaff,
  invitationToken,
  PASSWORD,
  signIn,
  unusedCode,
} from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const { sealer } = createCountingSealer()
const admin = await enrolFirstAdmin(db, sealer)
let owner: Enrolled & { organisationId: string }
let email: string
let counter = 0

beforeEach(async () => {
  counter += 1
  email = `new${counter}@acme.example`
  owner = await newOwner('ada')
})

function newOwner(name: string) {
  return enrolOwner(db, sealer, admin, {
    name: `${name} Ltd`,
    owner: { name, email: `${name}${counter}@acme.example` },
  })
}

async function inviteNew(role: 'owner' | 'developer' | 'viewer' = 'developer'): Promise<string> {
  await inviteMember(db, owner.actor, { organisationId: owner.organisationId, name: 'Dan Developer', email, role })
  return invitationToken(db, email)
}

async function seedOf(token: string): Promise<string> {
  return (await findInvitation(db, sealer, token))?.enrolment?.codeSeed ?? ''
}

async function actions(chain: string): Promise<string[]> {
  const rows = await db
    .selectFrom('auditEntry')
    .select('action')
    .where('chain', '=', chain)
    .orderBy('sequence')
    .execute()
  return rows.map((row) => row.action)
}

function personRow(address: string) {
  return db.selectFrom('person').selectAll().where('email', '=', address).executeTakeFirstOrThrow()
}

describe('an invitation', () => {
  test('goes out by mail to the address, with the link nowhere else', async () => {
    const token = await inviteNew()
    const letters = await db.selectFrom('letter').selectAll().where('toAddress', '=', email).execute()
    expect(letters).toMatchObject([
      {
        kind: 'invitation',
        toName: 'Dan Developer',
        facts: {
          path: `/invitations/${token}`,
          organisation: 'ada Ltd',
          who: 'ada',
          role: 'developer',
          timeZone: 'UTC',
        },
      },
    ])
    const rows = await sql<{ text: string }>`
      select invitation::text as text from invitation union all select body from audit_entry`.execute(db)
    expect(rows.rows.some((row) => row.text.includes(token))).toBe(false)
  })

  test('lasts seven days', async () => {
    const token = await inviteNew()
    const view = await findInvitation(db, sealer, token)
    expect(Math.round(((view?.expiresAt.getTime() ?? 0) - Date.now()) / 3_600_000)).toBe(168)
    const seed = await seedOf(token)
    await db.updateTable('invitation').set({ expiresAt: sql`clock_timestamp()` }).execute()
    expect(await findInvitation(db, sealer, token)).toBeNull()
    const acceptance = { password: PASSWORD, code: codeFor(seed) }
    expect(await outcome(acceptInvitation(db, sealer, token, acceptance))).toBe('INVITATION_VOID')
  })

  test('makes nobody a member before it is accepted', async () => {
    await inviteNew()
    expect(await findMemberships(db, (await personRow(email)).id)).toEqual([])
    const refused = beginSignIn(db, { email, password: PASSWORD, network: '192.0.2.9', userAgent: '' })
    expect(await outcome(refused)).toBe('NOT_AUTHENTICATED')
  })

  test('shows one code device, however often its page is opened, sealed in the database', async () => {
    const token = await inviteNew()
    const seeds = await Promise.all(Array.from({ length: 10 }, () => seedOf(token)))
    expect(new Set(seeds).size).toBe(1)
    expect((await findInvitation(db, sealer, token))?.enrolment?.uri).toContain(`secret=${seeds[0]}`)
    const rows = await sql<{ text: string }>`select invitation::text as text from invitation`.execute(db)
    const hex = Buffer.from(seeds[0] ?? '').toString('hex')
    expect(rows.rows.some((row) => row.text.includes(hex))).toBe(false)
  })

  test('is void once a newer one to the same place went out', async () => {
    const first = await inviteNew()
    const second = await inviteNew()
    expect(await findInvitation(db, sealer, first)).toBeNull()
    expect((await findInvitation(db, sealer, second))?.email).toBe(email)
  })

  test.each(['', 'x', '../../etc', '\u0000', 'a'.repeat(300)])('that never was shows nothing: %j', async (token) => {
    expect(await findInvitation(db, sealer, token)).toBeNull()
    expect(await outcome(acceptInvitation(db, sealer, token, { password: PASSWORD, code: '000000' }))).toBe(
      'INVITATION_VOID',
    )
  })
})

describe('the list of people', () => {
  test('has the members of one organisation and those invited to it, and the staff apart', async () => {
    await newOwner('eve')
    await inviteNew('viewer')
    const listed = {
      personId: expect.any(String),
      mayReveal: false,
      secondFactor: true,
      lockedAt: null,
      disabledAt: null,
      codeGivenAt: expect.any(Date),
    }
    expect(await findPeople(db, owner.organisationId)).toEqual([
      { ...listed, name: 'ada', email: owner.email, role: 'owner' },
    ])
    expect(await findInvitations(db, owner.organisationId)).toMatchObject([
      { name: 'Dan Developer', email, role: 'viewer', ranOut: false, recovery: false },
    ])
    const staff = await findPeople(db, null)
    expect(staff).toContainEqual({ ...listed, name: 'Ines Admin', email: admin.email, role: 'admin' })
    expect(staff.map((person) => person.email)).not.toContain(owner.email)
  })
})

describe('accepting as somebody new', () => {
  test('sets the password and the code device, signs in, and leaves nothing to accept', async () => {
    const token = await inviteNew('viewer')
    const person = await enrol(db, sealer, token)
    expect(person.actor).toMatchObject({ role: 'viewer', organisationId: owner.organisationId, name: 'Dan Developer' })
    expect(person.bearer.complete).toBe(true)
    expect((await signIn(db, sealer, person)).actor).toEqual(person.actor)
    expect(await findInvitation(db, sealer, token)).toBeNull()
    expect((await actions(owner.organisationId)).slice(-3)).toEqual(['member.invite', 'person.enrol', 'member.join'])
  })

  test('is no change of password or code device, so it starts no hold', async () => {
    await enrol(db, sealer, await inviteNew())
    expect(await personRow(email)).toMatchObject({ passwordChangedAt: null, codeChangedAt: null, emailChangedAt: null })
  })

  test('with a wrong code sets nothing, and the same device works afterwards', async () => {
    const token = await inviteNew()
    const seed = await seedOf(token)
    for (const code of ['', '12345', codeFor(seed, 20)]) {
      expect(await outcome(acceptInvitation(db, sealer, token, { password: PASSWORD, code }))).toBe('CODE_REJECTED')
    }
    expect(await personRow(email)).toMatchObject({ passwordHash: null, codeSeed: null })
    expect(await outcome(acceptInvitation(db, sealer, token, { password: PASSWORD, code: codeFor(seed) }))).toBe('done')
  })

  test('before its page was ever opened is refused', async () => {
    const token = await inviteNew()
    expect(await outcome(acceptInvitation(db, sealer, token, { password: PASSWORD, code: '123456' }))).toBe(
      'CODE_REJECTED',
    )
  })

  test('with a weak password tells what is wrong with it', async () => {
    const token = await inviteNew()
    const seed = await seedOf(token)
    for (const password of ['short', 'rekey1234567', 'dan developer', email, 'x'.repeat(257)]) {
      const refusal = await refusalOf(acceptInvitation(db, sealer, token, { password, code: codeFor(seed) }))
      expect(refusal.code).toBe('INVALID_REQUEST')
      expect(refusal.errors).toMatchObject([{ pointer: '/password' }])
    }
  })

  test('twenty times at the same moment works once', async () => {
    const token = await inviteNew()
    const acceptance = { password: PASSWORD, code: codeFor(await seedOf(token)) }
    const calls = Array.from({ length: 20 }, () => acceptInvitation(db, sealer, token, acceptance))
    expect(await tally(calls)).toEqual({ done: 1, INVITATION_VOID: 19 })
    const joined = (await actions(owner.organisationId)).filter((action) => action === 'member.join')
    expect(joined).toHaveLength(['the owner', 'the new one'].length)
  })

  test('two invitations at the same moment enrols with one; the other then asks for the account', async () => {
    const other = await newOwner('eve')
    const first = await inviteNew()
    await inviteMember(db, other.actor, { organisationId: other.organisationId, name: 'Dan', email, role: 'viewer' })
    const second = await invitationToken(db, email)
    const attempts = await Promise.all(
      [first, second].map(async (token) => ({ password: `${PASSWORD} ${token}`, code: codeFor(await seedOf(token)) })),
    )
    const counts = await tally(
      [first, second].map((token, i) => acceptInvitation(db, sealer, token, attempts[i] ?? { password: '', code: '' })),
    )
    expect(counts).toEqual({ done: 1, INVITATION_VOID: 1 })
    const left = (await Promise.all([first, second].map((token) => findInvitation(db, sealer, token)))).filter(Boolean)
    expect(left).toMatchObject([{ enrolment: null }])
  })

  test('works with a password in any form of Unicode and signs in with any other', async () => {
    const token = await inviteNew()
    const seed = await seedOf(token)
    const typed = 'une clé très sûre'
    await acceptInvitation(db, sealer, token, { password: typed.normalize('NFD'), code: codeFor(seed) })
    const begun = beginSignIn(db, { email, password: typed.normalize('NFC'), network: '192.0.2.8', userAgent: '' })
    expect(await outcome(begun)).toBe('done')
  })
})

describe('accepting with an account', () => {
  let known: Enrolled & { organisationId: string }
  let token: string

  beforeEach(async () => {
    known = await newOwner('kim')
    const place = { organisationId: owner.organisationId, name: 'Somebody Else', email: known.email }
    await inviteMember(db, owner.actor, { ...place, role: 'developer' })
    token = await invitationToken(db, known.email)
  })

  test('shows no code device and keeps the name, the password and the device', async () => {
    const view = await findInvitation(db, sealer, token)
    expect(view).toMatchObject({ name: 'kim', organisation: 'ada Ltd', role: 'developer', enrolment: null })
    const before = await personRow(known.email)
    const code = await unusedCode(db, known)
    const { sessionToken } = await acceptInvitation(db, sealer, token, { password: PASSWORD, code })
    const after = await personRow(known.email)
    expect(after).toMatchObject({ name: 'kim', passwordHash: before.passwordHash, codeSeed: before.codeSeed })
    expect((await findSessionBearer(db, sessionToken))?.actor).toMatchObject({
      organisationId: owner.organisationId,
      role: 'developer',
    })
    expect(await findMemberships(db, known.actor.personId)).toMatchObject([{ role: 'owner' }, { role: 'developer' }])
    expect((await actions(owner.organisationId)).slice(-2)).toEqual(['member.invite', 'member.join'])
  })

  test('tells the inviter nothing of the account: the list has the name that the inviter gave', async () => {
    const listed = async () =>
      [...(await findPeople(db, owner.organisationId)), ...(await findInvitations(db, owner.organisationId))].filter(
        (person) => person.email === known.email,
      )
    expect(await listed()).toMatchObject([{ name: 'Somebody Else', ranOut: false }])
    const code = await unusedCode(db, known)
    await acceptInvitation(db, sealer, token, { password: PASSWORD, code })
    expect(await listed()).toMatchObject([{ name: 'kim', secondFactor: true }])
  })

  test('an invitation takes over no account: without its password and code nothing happens', async () => {
    const before = await personRow(known.email)
    const attempts = [
      { password: 'a password of the thief', code: codeFor(known.totpSecret) },
      { password: 'a password of the thief', code: await unusedCode(db, known) },
    ]
    for (const attempt of attempts) {
      expect(await outcome(acceptInvitation(db, sealer, token, attempt))).toBe('NOT_AUTHENTICATED')
    }
    const wrong = { password: PASSWORD, code: codeFor(known.totpSecret, 20) }
    expect(await outcome(acceptInvitation(db, sealer, token, wrong))).toBe('CODE_REJECTED')
    const { passwordHash, codeSeed } = await personRow(known.email)
    expect({ passwordHash, codeSeed }).toEqual({ passwordHash: before.passwordHash, codeSeed: before.codeSeed })
    expect(await findMemberships(db, known.actor.personId)).toHaveLength(1)
  })

  test('guessing the password there is limited as at sign-in', async () => {
    const wrong = { password: 'not the password', code: '000000' }
    const calls = Array.from({ length: 25 }, (_, i) =>
      acceptInvitation(db, sealer, token, { ...wrong, network: `10.7.${counter}.${i}`, userAgent: '' }),
    )
    expect(await tally(calls)).toEqual({ NOT_AUTHENTICATED: 20, TOO_MANY_REQUESTS: 5 })
  })

  test('is refused to somebody disabled or locked', async () => {
    await db.updateTable('person').set({ disabledAt: new Date() }).where('email', '=', known.email).execute()
    expect(await findInvitation(db, sealer, token)).toBeNull()
    const code = codeFor(known.totpSecret)
    expect(await outcome(acceptInvitation(db, sealer, token, { password: PASSWORD, code }))).toBe('INVITATION_VOID')
  })

  test('a member who becomes staff keeps the membership and chooses between the two', async () => {
    await inviteStaff(db, admin.actor, { name: 'Kim', email: known.email, role: 'agent' })
    const code = await unusedCode(db, known)
    await acceptInvitation(db, sealer, await invitationToken(db, known.email), { password: PASSWORD, code })
    expect((await signIn(db, sealer, known)).actor).toMatchObject({ role: 'agent', organisationId: null })
    expect(await findMemberships(db, known.actor.personId)).toHaveLength(1)
  })
})

describe('who may invite', () => {
  const invitee = { name: 'Nia', email: 'nia@acme.example' }

  test('an organisation is made by a staff admin, with its first owner invited', async () => {
    const address = `first${counter}@acme.example`
    const { id } = await createOrganisation(db, admin.actor, {
      name: '  Umbra  GmbH ',
      owner: { ...invitee, email: address },
    })
    expect(id).toMatch(/^org_/)
    expect(await findInvitation(db, sealer, await invitationToken(db, address))).toMatchObject({
      organisation: 'Umbra GmbH',
      role: 'owner',
    })
    expect(await actions(id)).toEqual(['organisation.create', 'member.invite'])
  })

  test('nobody invites more than fifty people within an hour, members or staff', async () => {
    const { organisationId } = owner
    const calls = Array.from({ length: 52 }, (_, i) =>
      inviteMember(db, owner.actor, { name: 'Nia', email: `n${i}@flood.example`, organisationId, role: 'viewer' }),
    )
    expect(await tally(calls)).toEqual({ done: 50, TOO_MANY_REQUESTS: 2 })
    const chief = await enrolStaff(db, sealer, admin, { name: 'Cy', email: 'cy@desk.example', role: 'admin' })
    const more = Array.from({ length: 51 }, (_, i) =>
      inviteStaff(db, chief.actor, { name: 'Nia', email: `s${i}@flood.example`, role: 'agent' }),
    )
    expect(await tally(more)).toEqual({ done: 50, TOO_MANY_REQUESTS: 1 })
    expect(await outcome(inviteMember(db, chief.actor, { ...invitee, organisationId, role: 'viewer' }))).toBe(
      'TOO_MANY_REQUESTS',
    )
  })

  test('nobody else makes one, or invites staff', async () => {
    const agent = await enrolStaff(db, sealer, admin, {
      name: 'Sam',
      email: `sam${counter}@desk.example`,
      role: 'agent',
    })
    for (const { actor } of [agent, owner]) {
      expect(await outcome(createOrganisation(db, actor, { name: 'X', owner: invitee }))).toBe('NOT_ALLOWED')
      expect(await outcome(inviteStaff(db, actor, { ...invitee, role: 'admin' }))).toBe('NOT_ALLOWED')
    }
  })

  test('members are invited by an owner of that organisation or, but for owners, an admin, and by nobody else', async () => {
    const { organisationId } = owner
    const stranger = await newOwner('eve')
    const developer = await enrol(db, sealer, await inviteNew('developer'))
    const agent = await enrolStaff(db, sealer, admin, {
      name: 'Sam',
      email: `sam${counter}@desk.example`,
      role: 'agent',
    })
    const input = { ...invitee, organisationId, role: 'owner' } as const
    expect(await outcome(inviteMember(db, stranger.actor, input))).toBe('NOT_FOUND')
    expect(await outcome(inviteMember(db, developer.actor, input))).toBe('NOT_ALLOWED')
    expect(await outcome(inviteMember(db, agent.actor, input))).toBe('NOT_ALLOWED')
    expect(await outcome(inviteMember(db, admin.actor, { ...input, organisationId: 'org_none' }))).toBe('NOT_FOUND')
    expect(await outcome(inviteMember(db, admin.actor, input))).toBe('NOT_ALLOWED')
    expect(await outcome(inviteMember(db, admin.actor, { ...input, role: 'viewer' }))).toBe('done')
  })

  test('who is there already is not invited again', async () => {
    const again = { name: 'Ada', email: owner.email, organisationId: owner.organisationId, role: 'viewer' } as const
    expect(await outcome(inviteMember(db, owner.actor, again))).toBe('ALREADY_MEMBER')
    const staff = { name: 'Ines', email: admin.email, role: 'agent' } as const
    expect(await outcome(inviteStaff(db, admin.actor, staff))).toBe('ALREADY_MEMBER')
  })

  test('a name or address that isn’t one is refused with its field, and nothing is left behind', async () => {
    const before = await db.selectFrom('organisation').selectAll().execute()
    const bad = { name: 'A\u202Eda', email: 'a@b.example\r\nBcc: c@d.example' }
    const refusal = await refusalOf(createOrganisation(db, admin.actor, { name: 'Acme', owner: bad }))
    expect(refusal.errors.map((error) => error.pointer)).toEqual(['/owner/name', '/owner/email'])
    const unnamed = await refusalOf(createOrganisation(db, admin.actor, { name: '\u200B', owner: invitee }))
    expect(unnamed.errors.map((error) => error.pointer)).toEqual(['/name'])
    expect(await db.selectFrom('organisation').selectAll().execute()).toHaveLength(before.length)
  })
})

test('after accepting, the code that enrolled the device doesn’t sign in', async () => {
  const token = await inviteNew()
  const code = codeFor(await seedOf(token))
  await acceptInvitation(db, sealer, token, { password: PASSWORD, code })
  const pending = await beginSignIn(db, { email, password: PASSWORD, network: '192.0.2.7', userAgent: '' })
  expect(await outcome(finishSignIn(db, sealer, pending.sessionToken, code))).toBe('CODE_REJECTED')
})

import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { beforeAll, describe, expect, test } from 'vitest'
import { findSessionBearer } from '../../src/identity/sign-in/bearers.ts'
import { beginSignIn, chooseMembership, finishSignIn, signOut } from '../../src/identity/sign-in/sign-in.ts'
import { stepUpSession } from '../../src/identity/sign-in/step-up.ts'
import { createSealer } from '../../src/secrets/sealing.ts'
import { hashToken } from '../../src/secrets/tokens.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, refusalOf } from '../support/refusals.ts'
import {
  codeFor,
  type Enrolled,
  enrolFirstAdmin,
  enrolOwner,
  enrolStaff,
  PASSWORD,
  signIn,
  unusedCode,
} from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const sealer = createSealer(randomBytes(32))
let admin: Enrolled
let owner: Enrolled & { organisationId: string }
let counter = 0

beforeAll(async () => {
  admin = await enrolFirstAdmin(db, sealer)
  owner = await newOwner()
})

function newOwner() {
  counter += 1
  const person = { name: `Ada ${counter}`, email: `ada${counter}@acme.example` }
  return enrolOwner(db, sealer, admin, { name: `Acme ${counter}`, owner: person })
}

function newAgent() {
  counter += 1
  return enrolStaff(db, sealer, admin, { name: 'Sam', email: `sam${counter}@desk.example`, role: 'agent' })
}

/** A network of its own for each test, so that limits don't meet. */
function begin(email: string, password: string, network = `10.${counter}.0.${Math.floor(Math.random() * 255)}`) {
  return beginSignIn(db, { email, password, network, userAgent: 'test' })
}

async function shift(person: Enrolled, change: Record<string, ReturnType<typeof sql>>) {
  await db.updateTable('session').set(change).where('tokenHash', '=', hashToken(person.sessionToken)).execute()
}

describe('signing in', () => {
  test('a password and an unused code give a session that acts with the person’s role', async () => {
    const session = await signIn(db, sealer, owner)
    expect(session.bearer).toMatchObject({ type: 'session', complete: true, email: owner.email, timeZone: 'UTC' })
    expect(session.actor).toMatchObject({ role: 'owner', organisationId: owner.organisationId, name: 'Ada 1' })
    expect((await signIn(db, sealer, admin)).actor).toMatchObject({ role: 'admin', organisationId: null })
  })

  test('the address is taken in capitals and with spaces around it', async () => {
    expect(await outcome(begin(`  ${owner.email.toUpperCase()} `, PASSWORD))).toBe('done')
  })

  test('the session that waits for its code is no full one, has another token and ends after ten minutes', async () => {
    const { sessionToken } = await begin(owner.email, PASSWORD)
    expect(await findSessionBearer(db, sessionToken)).toMatchObject({ complete: false })
    const row = await db
      .selectFrom('session')
      .select(['createdAt', 'endsAt'])
      .where('tokenHash', '=', hashToken(sessionToken))
      .executeTakeFirstOrThrow()
    expect(row.endsAt.getTime() - row.createdAt.getTime()).toBe(600_000)
    await shift({ ...owner, sessionToken }, { endsAt: sql`clock_timestamp()` })
    expect(await outcome(finishSignIn(db, sealer, sessionToken, await unusedCode(db, owner)))).toBe('NOT_AUTHENTICATED')
  })

  test('a token planted before the code is worth nothing after it (session fixation)', async () => {
    const planted = await begin(owner.email, PASSWORD)
    const { sessionToken } = await finishSignIn(db, sealer, planted.sessionToken, await unusedCode(db, owner))
    expect(sessionToken).not.toBe(planted.sessionToken)
    expect(await findSessionBearer(db, planted.sessionToken)).toBeNull()
    expect(await outcome(finishSignIn(db, sealer, sessionToken, await unusedCode(db, owner)))).toBe('NOT_AUTHENTICATED')
  })

  test('the form token changes with the sign-in', async () => {
    const pending = await begin(owner.email, PASSWORD)
    const before = await findSessionBearer(db, pending.sessionToken)
    const after = await finishSignIn(db, sealer, pending.sessionToken, await unusedCode(db, owner))
    expect((await findSessionBearer(db, after.sessionToken))?.formToken).not.toBe(before?.formToken)
  })

  test('only the hash of a session token is stored', async () => {
    const session = await signIn(db, sealer, owner)
    const rows = await sql<{ text: string }>`select session::text as text from session`.execute(db)
    expect(rows.rows.some((row) => row.text.includes(session.sessionToken))).toBe(false)
  })
})

describe('a failed sign-in', () => {
  test('is told in the same words for every cause', async () => {
    const [disabled, locked, unenrolled] = [await newOwner(), await newOwner(), await newOwner()]
    await db.updateTable('person').set({ disabledAt: new Date() }).where('email', '=', disabled.email).execute()
    await db.updateTable('person').set({ lockedAt: new Date() }).where('email', '=', locked.email).execute()
    const none = { passwordHash: null, codeSeed: null, codeSeedKeyId: null }
    await db.updateTable('person').set(none).where('email', '=', unenrolled.email).execute()
    const expelled = await newOwner()
    await db.deleteFrom('membership').where('personId', '=', expelled.actor.personId).execute()
    const refusals = [
      await refusalOf(begin('nobody@acme.example', PASSWORD)),
      await refusalOf(begin('not an address', PASSWORD)),
      await refusalOf(begin(owner.email, `${PASSWORD}!`)),
      await refusalOf(begin(owner.email, 'x'.repeat(100_000))),
      ...(await Promise.all(
        [disabled, locked, unenrolled, expelled].map((person) => refusalOf(begin(person.email, PASSWORD))),
      )),
    ]
    expect(new Set(refusals.map((refusal) => refusal.code))).toEqual(new Set(['NOT_AUTHENTICATED']))
    expect(new Set(refusals.map((refusal) => refusal.message)).size).toBe(1)
  })

  test('takes about as long for an unknown address as for a known one', async () => {
    const person = await newOwner()
    const times: Record<string, number[]> = { known: [], unknown: [] }
    for (let i = 0; i < 15; i++) {
      for (const [name, email] of [
        ['known', person.email],
        ['unknown', 'nobody-at-all@acme.example'],
      ] as const) {
        const start = performance.now()
        await outcome(begin(email, 'a wrong password'))
        times[name]?.push(performance.now() - start)
      }
    }
    const median = (list: number[] = []) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0
    const ratio = median(times.known) / median(times.unknown)
    // The exact figure is measured on an idle machine; here it must only be plain that the hash is computed in both.
    expect(ratio).toBeGreaterThan(0.6)
    expect(ratio).toBeLessThan(1.6)
  })

  test('twenty times for one address is refused for everybody who asks, known or not, with the time to wait', async () => {
    const person = await newOwner()
    for (const email of [person.email, `nobody${counter}@acme.example`]) {
      const tries = Array.from({ length: 21 }, (_, i) => outcome(begin(email, 'a wrong password', `10.9.${i}.1`)))
      const outcomes = await Promise.all(tries)
      expect(outcomes.filter((name) => name === 'NOT_AUTHENTICATED')).toHaveLength(20)
      expect(outcomes.filter((name) => name === 'TOO_MANY_REQUESTS')).toHaveLength(1)
      const refusal = await refusalOf(begin(email, PASSWORD, '10.9.99.1'))
      expect(refusal.code).toBe('TOO_MANY_REQUESTS')
      expect(refusal.retryAfterSeconds).toBeGreaterThan(800)
      expect(refusal.retryAfterSeconds).toBeLessThanOrEqual(900)
    }
  })

  test('a hundred times from one /64 is refused for the whole /64 and nobody else', async () => {
    const tries = Array.from({ length: 101 }, (_, i) =>
      outcome(begin(`n${i}@acme.example`, 'x', `2001:db8:77:1::${i.toString(16)}`)),
    )
    expect((await Promise.all(tries)).filter((name) => name === 'TOO_MANY_REQUESTS')).toHaveLength(1)
    expect(await outcome(begin(owner.email, PASSWORD, '2001:db8:77:1:ffff::1'))).toBe('TOO_MANY_REQUESTS')
    expect(await outcome(begin(owner.email, PASSWORD, '2001:db8:77:2::1'))).toBe('done')
  })

  test('right passwords don’t count towards the limit', async () => {
    const person = await newOwner()
    for (let i = 0; i < 25; i++) expect(await outcome(begin(person.email, PASSWORD, '10.8.8.8'))).toBe('done')
  })
})

describe('a session', () => {
  test('ends when a member has done nothing for an hour, and staff for a quarter of one', async () => {
    const [member, agent] = [await newOwner(), await newAgent()]
    for (const [person, minutes] of [
      [member, 60],
      [agent, 15],
    ] as const) {
      await shift(person, { lastSeenAt: sql`clock_timestamp() - ${minutes * 60 - 5} * interval '1 second'` })
      expect(await findSessionBearer(db, person.sessionToken, true)).not.toBeNull()
      await shift(person, { lastSeenAt: sql`clock_timestamp() - ${minutes * 60} * interval '1 second'` })
      expect(await findSessionBearer(db, person.sessionToken)).toBeNull()
    }
  })

  test('stays alive while its person acts, but not by what a page asks by itself', async () => {
    const person = await newOwner()
    const seen = async () =>
      db
        .selectFrom('session')
        .select(sql<number>`extract(epoch from clock_timestamp() - last_seen_at)::int`.as('ago'))
        .where('tokenHash', '=', hashToken(person.sessionToken))
        .executeTakeFirstOrThrow()
    await shift(person, { lastSeenAt: sql`clock_timestamp() - interval '50 minutes'` })
    await findSessionBearer(db, person.sessionToken, true)
    expect((await seen()).ago).toBeGreaterThan(2_900)
    await findSessionBearer(db, person.sessionToken)
    expect((await seen()).ago).toBeLessThan(5)
  })

  test('ends after eight hours, however busy', async () => {
    const person = await newOwner()
    const row = await db
      .selectFrom('session')
      .select(['createdAt', 'endsAt'])
      .where('tokenHash', '=', hashToken(person.sessionToken))
      .executeTakeFirstOrThrow()
    expect(Math.round((row.endsAt.getTime() - row.createdAt.getTime()) / 60_000)).toBe(480)
    await shift(person, { endsAt: sql`clock_timestamp()` })
    expect(await findSessionBearer(db, person.sessionToken)).toBeNull()
  })

  test('is over at once when its person is disabled, locked, removed from the organisation or from the staff', async () => {
    const people = [await newOwner(), await newOwner(), await newOwner(), await newAgent()] as const
    const person = (index: 0 | 1 | 3) => db.updateTable('person').where('id', '=', people[index].actor.personId)
    await person(0).set({ disabledAt: new Date() }).execute()
    await person(1).set({ lockedAt: new Date() }).execute()
    await db.deleteFrom('membership').where('personId', '=', people[2].actor.personId).execute()
    await person(3).set({ staffRole: null }).execute()
    for (const { sessionToken } of people) expect(await findSessionBearer(db, sessionToken)).toBeNull()
  })

  test('has the role that its person has now', async () => {
    const person = await newOwner()
    await db.updateTable('membership').set({ role: 'viewer' }).where('personId', '=', person.actor.personId).execute()
    expect((await findSessionBearer(db, person.sessionToken))?.actor.role).toBe('viewer')
  })

  test('is gone after signing out, and its step-ups with it', async () => {
    const person = await newOwner()
    await signOut(db, person.sessionToken)
    await signOut(db, person.sessionToken)
    expect(await findSessionBearer(db, person.sessionToken)).toBeNull()
    const left = await db.selectFrom('stepUp').selectAll().where('bearerId', '=', person.bearer.id).execute()
    expect(left).toEqual([])
  })
})

describe('choosing a membership', () => {
  async function inTwo() {
    const [person, other] = [await newOwner(), await newOwner()]
    await db
      .insertInto('membership')
      .values({
        personId: person.actor.personId,
        organisationId: other.organisationId,
        role: 'viewer',
        createdAt: new Date(),
      })
      .execute()
    return { person, other }
  }

  test('acts there with the role one has there, under a new token', async () => {
    const { person, other } = await inTwo()
    const { sessionToken } = await chooseMembership(db, person.sessionToken, other.organisationId)
    expect(await findSessionBearer(db, person.sessionToken)).toBeNull()
    expect((await findSessionBearer(db, sessionToken))?.actor).toMatchObject({
      role: 'viewer',
      organisationId: other.organisationId,
    })
  })

  test('the next sign-in begins where the last one worked', async () => {
    const { person, other } = await inTwo()
    expect((await signIn(db, sealer, person)).actor.organisationId).toBe(person.organisationId)
    await chooseMembership(db, person.sessionToken, other.organisationId)
    await db
      .updateTable('session')
      .set({ lastSeenAt: sql`clock_timestamp() + interval '1 second'` })
      .where('id', '=', person.bearer.id)
      .execute()
    expect((await signIn(db, sealer, person)).actor.organisationId).toBe(other.organisationId)
  })

  test('an organisation that isn’t one’s own is not found, and the session stays as it was', async () => {
    const [person, other] = [await newOwner(), await newOwner()]
    for (const organisationId of [other.organisationId, 'org_none', null]) {
      expect(await outcome(chooseMembership(db, person.sessionToken, organisationId))).toBe('NOT_FOUND')
    }
    expect((await findSessionBearer(db, person.sessionToken))?.actor).toEqual(person.actor)
  })
})

describe('a step-up of a session', () => {
  test('renews the session token and leaves the session what it is', async () => {
    const person = await newOwner()
    const { sessionToken } = await stepUpSession(db, sealer, person.sessionToken, await unusedCode(db, person))
    expect(await findSessionBearer(db, person.sessionToken)).toBeNull()
    expect(await findSessionBearer(db, sessionToken)).toEqual(person.bearer)
  })

  test('is not for a session that waits for its code', async () => {
    const { sessionToken } = await begin(owner.email, PASSWORD)
    expect(await outcome(stepUpSession(db, sealer, sessionToken, codeFor(owner.totpSecret)))).toBe('NOT_AUTHENTICATED')
  })
})

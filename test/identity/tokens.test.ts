import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { findPersonalTokens } from '../../src/database/people/sessions.ts'
import { findTokenBearer } from '../../src/identity/sign-in/bearers.ts'
import { createPersonalToken, revokePersonalToken } from '../../src/identity/tokens/tokens.ts'
import { createSealer } from '../../src/secrets/sealing.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, refusalOf } from '../support/refusals.ts'
import { type Enrolled, enrolFirstAdmin, enrolMember, enrolOwner } from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const sealer = createSealer(randomBytes(32))
const admin = await enrolFirstAdmin(db, sealer)
let person: Enrolled & { organisationId: string }
let counter = 0

beforeEach(async () => {
  counter += 1
  const owner = { name: 'Ada Owner', email: `ada${counter}@acme.example` }
  person = await enrolOwner(db, sealer, admin, { name: 'Acme', owner })
})

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)
const make = (who = person as Enrolled, days = 30) =>
  createPersonalToken(db, who.actor, { name: 'nightly script', expiresAt: inDays(days) })

describe('a personal token', () => {
  test('acts as its person with the role they have', async () => {
    const { id, token } = await make()
    expect(token).toMatch(/^rkp_[0-9A-Za-z]{43}$/)
    expect(await findTokenBearer(db, token)).toEqual({
      id,
      type: 'token',
      actor: { ...person.actor, token: { id, scopes: [], unattended: false, ipRanges: [] } },
      formToken: null,
      complete: true,
      email: person.email,
      timeZone: 'UTC',
    })
  })

  test('is stored as a hash with its last four characters', async () => {
    const { token } = await make()
    const rows = await sql<{ text: string }>`select personal_token::text as text from personal_token`.execute(db)
    expect(rows.rows.some((row) => row.text.includes(token.slice(4)))).toBe(false)
    const [shown] = await findPersonalTokens(db, person.actor)
    expect(shown).toMatchObject({ name: 'nightly script', last4: token.slice(-4), lastUsedAt: null })
  })

  test('notes when it was last used', async () => {
    const { token } = await make()
    await findTokenBearer(db, token)
    expect((await findPersonalTokens(db, person.actor))[0]?.lastUsedAt).toBeInstanceOf(Date)
  })

  test('stops at its end', async () => {
    const { id, token } = await make()
    await db.updateTable('personalToken').set({ expiresAt: sql`clock_timestamp()` }).where('id', '=', id).execute()
    expect(await findTokenBearer(db, token)).toBeNull()
    expect(await findPersonalTokens(db, person.actor)).toEqual([])
  })

  test('stops when its person is disabled, locked or removed, and follows their role', async () => {
    const { token } = await make()
    const change = db.updateTable('person').where('id', '=', person.actor.personId)
    await change.set({ disabledAt: new Date() }).execute()
    expect(await findTokenBearer(db, token)).toBeNull()
    await change.set({ disabledAt: null, lockedAt: new Date() }).execute()
    expect(await findTokenBearer(db, token)).toBeNull()
    await change.set({ lockedAt: null }).execute()
    const membership = db.updateTable('membership').where('personId', '=', person.actor.personId)
    await membership.set({ role: 'viewer' }).execute()
    expect((await findTokenBearer(db, token))?.actor.role).toBe('viewer')
    await db.deleteFrom('membership').where('personId', '=', person.actor.personId).execute()
    expect(await findTokenBearer(db, token)).toBeNull()
  })

  test('of staff acts as staff', async () => {
    const { token } = await make(admin)
    expect((await findTokenBearer(db, token))?.actor).toMatchObject({ role: 'admin', organisationId: null })
  })

  test.each([
    ['in the past', -1],
    ['now', 0],
    ['more than 365 days ahead', 366],
    ['no time at all', Number.NaN],
  ])('can’t end %s', async (_, days) => {
    const refusal = await refusalOf(make(person, days))
    expect(refusal.code).toBe('INVALID_REQUEST')
    expect(refusal.errors).toMatchObject([{ pointer: '/expiresAt' }])
  })

  test('needs a name', async () => {
    const refusal = await refusalOf(createPersonalToken(db, person.actor, { name: ' ', expiresAt: inDays(1) }))
    expect(refusal.errors).toMatchObject([{ pointer: '/name' }])
  })

  test.each(['', 'rkp_', 'rkp_none', 'rkg_something', 'Bearer rkp_x', 'rkp_\u0000'])(
    'that was never made stands for nobody: %j',
    async (text) => {
      expect(await findTokenBearer(db, text)).toBeNull()
    },
  )
})

describe('revoking a personal token', () => {
  test('stops it at once, and again changes nothing', async () => {
    const { id, token } = await make()
    await revokePersonalToken(db, person.actor, id)
    await revokePersonalToken(db, person.actor, id)
    expect(await findTokenBearer(db, token)).toBeNull()
    expect(await findPersonalTokens(db, person.actor)).toEqual([])
    expect(await actions()).toEqual(['token.create', 'token.revoke'])
  })

  test('is for its own person: a colleague, an owner elsewhere and an admin find nothing', async () => {
    const { id, token } = await make()
    const email = `dan${counter}@acme.example`
    const colleague = await enrolMember(db, sealer, person, { name: 'Dan', email, role: 'developer' })
    for (const other of [colleague, admin]) {
      expect(await outcome(revokePersonalToken(db, other.actor, id))).toBe('NOT_FOUND')
    }
    expect(await outcome(revokePersonalToken(db, person.actor, 'tok_none'))).toBe('NOT_FOUND')
    expect(await findTokenBearer(db, token)).not.toBeNull()
    expect(await findPersonalTokens(db, colleague.actor)).toEqual([])
  })
})

async function actions(): Promise<string[]> {
  const entries = await db
    .selectFrom('auditEntry')
    .select('action')
    .where('chain', '=', person.organisationId)
    .where('action', 'like', 'token.%')
    .orderBy('sequence')
    .execute()
  return entries.map((entry) => entry.action)
}

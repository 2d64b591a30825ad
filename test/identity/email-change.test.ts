import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { askForEmailChange, confirmEmailChange, findEmailChange } from '../../src/identity/account/email-change.ts'
import { changePassword } from '../../src/identity/account/password.ts'
import { findSessionBearer } from '../../src/identity/sign-in/bearers.ts'
import { beginSignIn } from '../../src/identity/sign-in/sign-in.ts'
import { createSealer } from '../../src/secrets/sealing.ts'
import { entriesAbout, held, newestLetter, notices, personRow, tokenInLetter } from '../support/account.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, refusalOf, tally } from '../support/refusals.ts'
import { type Household, makeHouseholds } from '../support/worlds/account-world.ts'
import { PASSWORD, signIn } from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const sealer = createSealer(randomBytes(32))
const { newHousehold } = await makeHouseholds(db, sealer)
let home: Household
let owner: Household['owner']
let newEmail: string
let counter = 0

beforeEach(async () => {
  counter += 1
  home = await newHousehold()
  owner = home.owner
  newEmail = `new${counter}@acme.example`
})

const ask = (email: string, who = owner) => askForEmailChange(db, who.bearer, { email })

async function newLink(): Promise<string> {
  await ask(newEmail)
  return tokenInLetter(db, 'email-change', newEmail)
}

describe('a change of address', () => {
  test('counts once the link in the letter to the new address is confirmed, and not before', async () => {
    const token = await newLink()
    await findEmailChange(db, token)
    expect(await personRow(db, owner)).toMatchObject({ email: owner.email, emailChangedAt: null })
    await confirmEmailChange(db, token, owner.bearer)
    const person = await personRow(db, owner)
    expect(person.email).toBe(newEmail)
    expect(person.emailChangedAt).not.toBeNull()
    const from = { network: '192.0.2.9', userAgent: '' }
    expect(await outcome(beginSignIn(db, { ...from, email: newEmail, password: PASSWORD }))).toBe('done')
    expect(await outcome(beginSignIn(db, { ...from, email: owner.email, password: PASSWORD }))).toBe(
      'NOT_AUTHENTICATED',
    )
  })

  test('is told to the old address and to the other owner, and written down', async () => {
    const token = await newLink()
    const before = (await notices(db)).length
    await confirmEmailChange(db, token, null)
    const told = [owner, home.partner].map(({ email }) => `${email} email_changed`)
    expect((await notices(db)).slice(before).toSorted()).toEqual(told.toSorted())
    const entries = await entriesAbout(db, owner.actor.personId)
    expect(entries).toContain(`${owner.organisationId} person.change_email`)
  })

  test('keeps the person’s session that confirms it, and ends the others and every step-up', async () => {
    const other = await signIn(db, sealer, owner)
    await confirmEmailChange(db, await newLink(), owner.bearer)
    expect(await findSessionBearer(db, owner.sessionToken)).toMatchObject({ email: newEmail })
    expect(await findSessionBearer(db, other.sessionToken)).toBeNull()
    expect(await held(db, owner)).toEqual({ sessions: 1, stepUps: 0 })
  })

  test('confirmed by nobody or by somebody else ends all of the person’s sessions and none of the other’s', async () => {
    await confirmEmailChange(db, await newLink(), home.partner.bearer)
    expect((await held(db, owner)).sessions).toBe(0)
    expect((await held(db, home.partner)).sessions).toBe(1)
  })

  test.each(['not an address', '', 'a@b\r\nbcc: c@d.example'])(
    'is refused to what is no address: %j',
    async (email) => {
      expect((await refusalOf(ask(email))).errors).toMatchObject([{ pointer: '/email' }])
    },
  )

  test('to the address one has already is refused', async () => {
    expect((await refusalOf(ask(owner.email.toUpperCase()))).errors).toMatchObject([{ pointer: '/email' }])
  })

  test('to somebody’s address is answered as any other, and no letter goes there', async () => {
    expect(await outcome(ask(home.partner.email))).toBe('done')
    expect(await newestLetter(db, 'email-change', home.partner.email)).toBeUndefined()
  })

  test('is asked for five times an hour at most', async () => {
    const calls = Array.from({ length: 9 }, (_, i) => ask(`flood${counter}-${i}@acme.example`))
    expect(await tally(calls)).toEqual({ done: 5, TOO_MANY_REQUESTS: 4 })
  })
})

describe('the link', () => {
  test('works once, twenty times at the same moment too', async () => {
    for (let round = 0; round < 20; round++) {
      await sql`delete from rate_limit`.execute(db)
      newEmail = `round${counter}-${round}@acme.example`
      const token = await newLink()
      const counts = await tally(Array.from({ length: 5 }, () => confirmEmailChange(db, token, owner.bearer)))
      expect(counts).toEqual({ done: 1, RESET_VOID: 4 })
      const bearer = await findSessionBearer(db, owner.sessionToken)
      if (bearer === null) throw new Error('not signed in')
      owner = { ...owner, bearer }
    }
  }, 120_000)

  test('works for 24 hours', async () => {
    const token = await newLink()
    const shift = (seconds: number) =>
      db
        .updateTable('emailChange')
        .set({ expiresAt: sql`expires_at - ${seconds} * interval '1 second'` })
        .where('personId', '=', owner.actor.personId)
        .execute()
    await shift(86_400 - 5)
    expect(await findEmailChange(db, token)).toMatchObject({ email: newEmail, oldEmail: owner.email })
    await shift(5)
    expect(await findEmailChange(db, token)).toBeNull()
    expect(await outcome(confirmEmailChange(db, token, owner.bearer))).toBe('RESET_VOID')
  })

  test('is void once another was asked for, or the password was changed', async () => {
    const first = await newLink()
    newEmail = `other${counter}@acme.example`
    const second = await newLink()
    expect(await outcome(confirmEmailChange(db, first, owner.bearer))).toBe('RESET_VOID')
    const change = { password: PASSWORD, newPassword: 'two otters in a teapot', network: '192.0.2.3' }
    await changePassword(db, owner.bearer, change)
    expect(await outcome(confirmEmailChange(db, second, owner.bearer))).toBe('RESET_VOID')
  })

  test('is void when somebody has the address by then; of two who want it one gets it', async () => {
    const token = await newLink()
    await ask(newEmail, { ...home.partner, organisationId: '' })
    const other = await tokenInLetter(db, 'email-change', newEmail)
    expect(other).not.toBe(token)
    const counts = await tally([
      confirmEmailChange(db, token, owner.bearer),
      confirmEmailChange(db, other, home.partner.bearer),
    ])
    expect(counts).toEqual({ done: 1, RESET_VOID: 1 })
  })

  test.each(['', 'none', '\u0000'])('that was never made is void: %j', async (token) => {
    expect(await findEmailChange(db, token)).toBeNull()
    expect(await outcome(confirmEmailChange(db, token, null))).toBe('RESET_VOID')
  })

  test('is stored as its hash only', async () => {
    const token = await newLink()
    const rows = await sql<{ text: string }>`select email_change::text as text from email_change`.execute(db)
    expect(rows.rows.some((row) => row.text.includes(token))).toBe(false)
  })
})

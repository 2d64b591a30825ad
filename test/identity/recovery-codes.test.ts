import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { countRecoveryCodes } from '../../src/database/people/proofs.ts'
import { makeRecoveryCodes, spendRecoveryCode } from '../../src/identity/account/recovery-codes.ts'
import { findSessionBearer } from '../../src/identity/sign-in/bearers.ts'
import { spendCode } from '../../src/identity/sign-in/codes.ts'
import { beginSignIn, finishWithRecoveryCode } from '../../src/identity/sign-in/sign-in.ts'
import { hasStepUp } from '../../src/identity/sign-in/step-up.ts'
import { createSealer } from '../../src/secrets/sealing.ts'
import { entriesAbout, notices, personRow } from '../support/account.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, tally } from '../support/refusals.ts'
import { type Household, makeHouseholds } from '../support/worlds/account-world.ts'
import { unusedCode } from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const sealer = createSealer(randomBytes(32))
const { newHousehold } = await makeHouseholds(db, sealer)
let home: Household
let codes: string[]

beforeEach(async () => {
  home = await newHousehold()
  codes = await makeRecoveryCodes(db, home.owner.bearer)
})

const code = (index: number): string => codes[index] ?? ''
const spend = (text: string, who = home.owner) => spendRecoveryCode(db, who.actor.personId, text)

async function pendingSession(): Promise<string> {
  const { email, password } = home.owner
  return (await beginSignIn(db, { email, password, network: '192.0.2.1', userAgent: '' })).sessionToken
}

describe('recovery codes', () => {
  test('are ten, all different, long enough that nobody guesses one, and stored as hashes', async () => {
    expect(new Set(codes).size).toBe(10)
    for (const each of codes) expect(each).toMatch(/^([2-9A-HJKMNP-Z]{4}-){3}[2-9A-HJKMNP-Z]{4}$/)
    const rows = await sql<{ text: string }>`select recovery_code::text as text from recovery_code`.execute(db)
    for (const each of codes) expect(rows.rows.some((row) => row.text.includes(each))).toBe(false)
  })

  test('are void once new ones are made', async () => {
    const renewed = await makeRecoveryCodes(db, home.owner.bearer)
    expect(await outcome(spend(code(0)))).toBe('CODE_REJECTED')
    expect(await outcome(spend(renewed[0] ?? ''))).toBe('done')
    expect(await countRecoveryCodes(db, home.owner.actor.personId)).toBe(9)
  })

  test('made twice at the same moment are ten, of one of the two', async () => {
    const { owner } = home
    const both = await Promise.all([makeRecoveryCodes(db, owner.bearer), makeRecoveryCodes(db, owner.bearer)])
    expect(await countRecoveryCodes(db, owner.actor.personId)).toBe(10)
    const works = await Promise.all(both.map((set) => outcome(spend(set[0] ?? ''))))
    expect(works.toSorted()).toEqual(['CODE_REJECTED', 'done'])
  })

  test('are told of to the person and the other owner, making and using, and written down', async () => {
    const { owner, partner } = home
    await spend(code(0))
    const told = (await notices(db)).filter((line) =>
      [owner, partner].some(({ email }) => line.startsWith(`${email} recovery_`)),
    )
    const wanted = ['recovery_codes_made', 'recovery_code_used'].flatMap((notice) =>
      [owner, partner].map(({ email }) => `${email} ${notice}`),
    )
    expect(told.toSorted()).toEqual(wanted.toSorted())
    expect(await entriesAbout(db, owner.actor.personId)).toEqual(
      expect.arrayContaining([
        `${owner.organisationId} person.make_recovery_codes`,
        `${owner.organisationId} person.use_recovery_code`,
      ]),
    )
  })

  test('are no change that holds anybody up', async () => {
    await spend(code(0))
    expect(await personRow(db, home.owner)).toMatchObject({
      passwordChangedAt: null,
      codeChangedAt: null,
      emailChangedAt: null,
    })
  })
})

describe('a recovery code', () => {
  test('works once', async () => {
    expect(await outcome(spend(code(3)))).toBe('done')
    expect(await outcome(spend(code(3)))).toBe('CODE_REJECTED')
  })

  test('may be typed in small letters, without or with other separators', async () => {
    expect(await outcome(spend(` ${code(0).toLowerCase().replaceAll('-', ' ')}`))).toBe('done')
    expect(await outcome(spend(code(1).replaceAll('-', '')))).toBe('done')
  })

  test('used twenty times at the same moment works once', async () => {
    for (let round = 0; round < 20; round++) {
      const [one = ''] = await makeRecoveryCodes(db, home.owner.bearer)
      const counts = await tally(Array.from({ length: 20 }, () => spend(one)))
      expect(counts.done).toBe(1)
      await db
        .updateTable('person')
        .set({ wrongCodes: 0, consecutiveWrongCodes: 0, wrongCodesSince: null })
        .where('id', '=', home.owner.actor.personId)
        .execute()
    }
  }, 120_000)

  test('of somebody else is refused', async () => {
    expect(await outcome(spend(code(0), { ...home.partner, organisationId: '' }))).toBe('CODE_REJECTED')
  })

  test.each(['', '-', '123456', 'AAAA-AAAA-AAAA-AAAA', 'x'.repeat(9_999), '\u0000', '🦉'])(
    'that was never made is refused: %j',
    async (text) => {
      expect(await outcome(spend(text))).toBe('CODE_REJECTED')
    },
  )
})

describe('wrong recovery codes', () => {
  test('count together with wrong one-time codes, and a right one forgets them', async () => {
    const { personId } = home.owner.actor
    for (let i = 0; i < 2; i++) await outcome(spend('AAAA-AAAA-AAAA-AAAA'))
    for (let i = 0; i < 2; i++) await outcome(spendCode(db, sealer, personId, '000000'))
    expect(await personRow(db, home.owner)).toMatchObject({ wrongCodes: 4 })
    expect(await outcome(spend(code(0)))).toBe('done')
    expect(await personRow(db, home.owner)).toMatchObject({ wrongCodes: 0, consecutiveWrongCodes: 0 })
  })

  test('sent 200 at once, five are looked at, and then not even a right one of either kind is', async () => {
    const counts = await tally(Array.from({ length: 200 }, () => spend('AAAA-AAAA-AAAA-AAAA')))
    expect(counts).toEqual({ CODE_REJECTED: 5, CODE_LOCKED: 195 })
    expect(await outcome(spend(code(0)))).toBe('CODE_LOCKED')
    const oneTimeCode = await unusedCode(db, home.owner)
    expect(await outcome(spendCode(db, sealer, home.owner.actor.personId, oneTimeCode))).toBe('CODE_LOCKED')
    expect(await countRecoveryCodes(db, home.owner.actor.personId)).toBe(10)
  })

  test('lock the account at the twentieth in a row, as wrong one-time codes do', async () => {
    const { personId } = home.owner.actor
    for (let i = 0; i < 20; i++) {
      const person = db.updateTable('person').where('id', '=', personId)
      await person.set({ wrongCodesSince: sql`wrong_codes_since - interval '15 minutes'` }).execute()
      await outcome(spend('AAAA-AAAA-AAAA-AAAA'))
    }
    expect((await personRow(db, home.owner)).lockedAt).not.toBeNull()
    expect(await outcome(spend(code(0)))).toBe('CODE_LOCKED')
  })
})

describe('signing in with a recovery code', () => {
  test('completes the sign-in under a new token', async () => {
    const pending = await pendingSession()
    const { sessionToken } = await finishWithRecoveryCode(db, pending, code(0))
    expect(await findSessionBearer(db, pending)).toBeNull()
    expect(await findSessionBearer(db, sessionToken)).toMatchObject({ complete: true })
  })

  test('counts as no step-up, so that paper alone does nothing sensitive', async () => {
    const { sessionToken } = await finishWithRecoveryCode(db, await pendingSession(), code(0))
    const bearer = await findSessionBearer(db, sessionToken)
    if (bearer === null) throw new Error('not signed in')
    expect(await hasStepUp(db, bearer)).toBe(false)
  })

  test('is not for a session that has its code, nor for none', async () => {
    expect(await outcome(finishWithRecoveryCode(db, home.owner.sessionToken, code(0)))).toBe('NOT_AUTHENTICATED')
    expect(await outcome(finishWithRecoveryCode(db, 'none', code(0)))).toBe('NOT_AUTHENTICATED')
    expect(await countRecoveryCodes(db, home.owner.actor.personId)).toBe(10)
  })
})

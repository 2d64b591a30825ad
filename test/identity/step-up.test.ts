import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Bearer, findSessionBearer, findTokenBearer } from '../../src/identity/sign-in/bearers.ts'
import { beginSignIn, signOut } from '../../src/identity/sign-in/sign-in.ts'
import { hasStepUp, spendStepUp, stepUp, stepUpSession } from '../../src/identity/sign-in/step-up.ts'
import { createPersonalToken } from '../../src/identity/tokens/tokens.ts'
import { createSealer } from '../../src/secrets/sealing.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, tally } from '../support/refusals.ts'
import { type Enrolled, enrolFirstAdmin, enrolOwner, signIn, unusedCode } from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const sealer = createSealer(randomBytes(32))
const admin = await enrolFirstAdmin(db, sealer)
let person: Enrolled & { organisationId: string }
let token: Bearer
let counter = 0

beforeEach(async () => {
  counter += 1
  const owner = { name: 'Ada Owner', email: `ada${counter}@acme.example` }
  person = await enrolOwner(db, sealer, admin, { name: 'Acme', owner })
  token = await newTokenBearer()
})

async function newTokenBearer(): Promise<Bearer> {
  const expiresAt = new Date(Date.now() + 86_400_000)
  const made = await createPersonalToken(db, person.actor, { name: 'script', expiresAt })
  const bearer = await findTokenBearer(db, made.token)
  if (bearer === null) throw new Error('the token has no bearer')
  return bearer
}

async function newStepUp(bearer: Bearer): Promise<string> {
  return (await stepUp(db, sealer, bearer, await unusedCode(db, person))).stepUpToken
}

async function age(bearer: Bearer, seconds: number) {
  await db
    .updateTable('stepUp')
    .set({ expiresAt: sql`expires_at - ${seconds} * interval '1 second'` })
    .where('bearerId', '=', bearer.id)
    .execute()
}

async function spendSignInStepUp() {
  await spendStepUp(db, person.bearer, null)
}

describe('a step-up token', () => {
  test('is good for ten calls', async () => {
    const stepUpToken = await newStepUp(token)
    for (let i = 0; i < 10; i++) expect(await outcome(spendStepUp(db, token, stepUpToken))).toBe('done')
    expect(await outcome(spendStepUp(db, token, stepUpToken))).toBe('STEP_UP_REQUIRED')
  })

  test('used fifty times at once is good for ten calls', async () => {
    const stepUpToken = await newStepUp(token)
    const counts = await tally(Array.from({ length: 50 }, () => spendStepUp(db, token, stepUpToken)))
    expect(counts).toEqual({ done: 10, STEP_UP_REQUIRED: 40 })
  })

  test('lasts five minutes and not longer', async () => {
    const { stepUpToken, expiresAt } = await stepUp(db, sealer, token, await unusedCode(db, person))
    expect(Math.abs(expiresAt.getTime() - Date.now() - 300_000)).toBeLessThan(2_000)
    await age(token, 297)
    expect(await outcome(spendStepUp(db, token, stepUpToken))).toBe('done')
    await age(token, 3)
    expect(await outcome(spendStepUp(db, token, stepUpToken))).toBe('STEP_UP_REQUIRED')
  })

  test('is useless to another person', async () => {
    const stepUpToken = await newStepUp(token)
    const other = await signIn(db, sealer, admin)
    expect(await outcome(spendStepUp(db, other.bearer, stepUpToken))).toBe('STEP_UP_REQUIRED')
  })

  test('is useless with another token or session of the same person', async () => {
    const stepUpToken = await newStepUp(token)
    expect(await outcome(spendStepUp(db, await newTokenBearer(), stepUpToken))).toBe('STEP_UP_REQUIRED')
    expect(await outcome(spendStepUp(db, person.bearer, stepUpToken))).toBe('STEP_UP_REQUIRED')
  })

  test('has to be shown by a personal token, though one is there', async () => {
    await newStepUp(token)
    expect(await outcome(spendStepUp(db, token, null))).toBe('STEP_UP_REQUIRED')
    expect(await outcome(spendStepUp(db, token, 'something else'))).toBe('STEP_UP_REQUIRED')
  })

  test('is stored as its hash only', async () => {
    const stepUpToken = await newStepUp(token)
    const rows = await sql<{ text: string }>`select step_up::text as text from step_up`.execute(db)
    expect(rows.rows.some((row) => row.text.includes(stepUpToken))).toBe(false)
  })
})

describe('a sign-in with a code', () => {
  test('counts as one step-up for its session', async () => {
    expect(await hasStepUp(db, person.bearer)).toBe(true)
    expect(await outcome(spendStepUp(db, person.bearer, null))).toBe('done')
    expect(await hasStepUp(db, person.bearer)).toBe(false)
    expect(await outcome(spendStepUp(db, person.bearer, null))).toBe('STEP_UP_REQUIRED')
  })

  test('counts once when spent twenty times at the same moment', async () => {
    const counts = await tally(Array.from({ length: 20 }, () => spendStepUp(db, person.bearer, null)))
    expect(counts).toEqual({ done: 1, STEP_UP_REQUIRED: 19 })
  })

  test('counts for two minutes', async () => {
    await age(person.bearer, 117)
    expect(await hasStepUp(db, person.bearer)).toBe(true)
    await age(person.bearer, 3)
    expect(await outcome(spendStepUp(db, person.bearer, null))).toBe('STEP_UP_REQUIRED')
  })

  test('doesn’t count for another session or a token of that person', async () => {
    const earlier = person.bearer
    await spendSignInStepUp()
    await signIn(db, sealer, person)
    expect(await outcome(spendStepUp(db, earlier, null))).toBe('STEP_UP_REQUIRED')
    expect(await outcome(spendStepUp(db, token, null))).toBe('STEP_UP_REQUIRED')
  })
})

describe('a step-up on a page', () => {
  test('is good for ten calls of its session, and the sign-in is spent first', async () => {
    await stepUpSession(db, sealer, person.sessionToken, await unusedCode(db, person))
    const counts = await tally(Array.from({ length: 40 }, () => spendStepUp(db, person.bearer, null)))
    expect(counts).toEqual({ done: 11, STEP_UP_REQUIRED: 29 })
  })

  test('with a wrong code gives nothing and keeps the session', async () => {
    await spendSignInStepUp()
    expect(await outcome(stepUpSession(db, sealer, person.sessionToken, '12'))).toBe('CODE_REJECTED')
    expect(await hasStepUp(db, person.bearer)).toBe(false)
    expect(await findSessionBearer(db, person.sessionToken)).toEqual(person.bearer)
  })

  test('ends with the session', async () => {
    await signOut(db, person.sessionToken)
    expect(await outcome(spendStepUp(db, person.bearer, null))).toBe('STEP_UP_REQUIRED')
  })
})

test('a session that waits for its code can neither step up nor spend one', async () => {
  const { email, password } = person
  const pending = await beginSignIn(db, { email, password, network: '192.0.2.1', userAgent: '' })
  const bearer = await findSessionBearer(db, pending.sessionToken)
  if (bearer === null) throw new Error('no session')
  expect(await outcome(stepUp(db, sealer, bearer, await unusedCode(db, person)))).toBe('NOT_AUTHENTICATED')
  expect(await outcome(spendStepUp(db, bearer, null))).toBe('STEP_UP_REQUIRED')
  expect(await hasStepUp(db, bearer)).toBe(false)
})

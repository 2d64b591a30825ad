import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { findSessionBearer } from '../../src/identity/sign-in/bearers.ts'
import { spendCode } from '../../src/identity/sign-in/codes.ts'
import { beginSignIn, finishSignIn } from '../../src/identity/sign-in/sign-in.ts'
import { stepUp, stepUpSession } from '../../src/identity/sign-in/step-up.ts'
import { createPersonalToken } from '../../src/identity/tokens/tokens.ts'
import { matchingTimeStep } from '../../src/secrets/codes.ts'
import { createCountingSealer } from '../support/counting-sealer.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, refusalOf, tally } from '../support/refusals.ts'
import { codeFor, type Enrolled, enrolFirstAdmin, enrolOwner, signIn, unusedCode } from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const { sealer, opened } = createCountingSealer()
const admin = await enrolFirstAdmin(db, sealer)
let person: Enrolled & { organisationId: string }
let counter = 0

beforeEach(async () => {
  counter += 1
  const owner = { name: 'Ada Owner', email: `ada${counter}@acme.example` }
  person = await enrolOwner(db, sealer, admin, { name: 'Acme', owner })
})

function row() {
  return db.selectFrom('person').selectAll().where('id', '=', person.actor.personId).executeTakeFirstOrThrow()
}

/** A code that is wrong for sure: the one of ten minutes ahead, unless it is by chance one that is right now. */
function wrongCode(): string {
  const right = [0, -1, 1].map((steps) => codeFor(person.totpSecret, steps))
  return [20, 21, 22, 23].map((steps) => codeFor(person.totpSecret, steps)).find((code) => !right.includes(code)) ?? ''
}

async function forgetWindow() {
  await db
    .updateTable('person')
    .set({ wrongCodesSince: sql`wrong_codes_since - interval '15 minutes'` })
    .where('id', '=', person.actor.personId)
    .execute()
}

function spend(code: string) {
  return spendCode(db, sealer, person.actor.personId, code)
}

describe('a one-time code', () => {
  test('works once (RFC 6238 §5.2)', async () => {
    const code = await unusedCode(db, person)
    expect(await outcome(spend(code))).toBe('done')
    expect(await outcome(spend(code))).toBe('CODE_REJECTED')
  })

  test('that enrolled the device works no second time', async () => {
    const steps = Number((await row()).codeLastStep) - Math.floor(Date.now() / 30_000)
    expect(await outcome(spend(codeFor(person.totpSecret, steps)))).toBe('CODE_REJECTED')
  })

  test('used twenty times at the same moment works once', async () => {
    const code = await unusedCode(db, person)
    const counts = await tally(Array.from({ length: 20 }, () => spend(code)))
    expect(counts.done).toBe(1)
  })

  test('used at the same moment to sign in and to step up works once', async () => {
    const { email, password } = person
    const pending = await beginSignIn(db, { email, password, network: '192.0.2.1', userAgent: '' })
    const code = await unusedCode(db, person)
    const counts = await tally([
      finishSignIn(db, sealer, pending.sessionToken, code),
      stepUp(db, sealer, person.bearer, code),
      stepUpSession(db, sealer, person.sessionToken, code),
    ])
    expect(counts).toEqual({ done: 1, CODE_REJECTED: 2 })
  })

  test('older than one already used is refused', async () => {
    const step = Math.floor(Date.now() / 30_000)
    await db
      .updateTable('person')
      .set({ codeLastStep: step + 1 })
      .where('email', '=', person.email)
      .execute()
    expect(await outcome(spend(codeFor(person.totpSecret)))).toBe('CODE_REJECTED')
    expect((await row()).codeLastStep).toBe(String(step + 1))
  })

  test('of somebody else is refused', async () => {
    expect(await outcome(spend(await unusedCode(db, admin)))).toBe('CODE_REJECTED')
  })

  test('may be typed with a space in it', async () => {
    const code = await unusedCode(db, person)
    expect(await outcome(spend(` ${code.slice(0, 3)} ${code.slice(3)}\n`))).toBe('done')
  })

  test.each([
    '',
    '12345',
    '1234567',
    'abcdef',
    '١٢٣٤٥٦',
    '１２３４５６',
    '12345\u0000',
    '-12345',
    '1e5000',
    '9'.repeat(9_999),
  ])('that isn’t six digits is refused like a wrong one: %j', async (code) => {
    expect(await outcome(spend(code))).toBe('CODE_REJECTED')
  })
})

describe('the time of a code', () => {
  const seed = 'LDWG3ZYRGXL7U4KDYBDYSBT2X3YVNZMF'
  const start = 30 * 59_000_000
  const at = (seconds: number) => new Date((start + seconds) * 1000)
  const code = (seconds: number) => codeFor(seed, Math.floor((start + seconds) / 30) - Math.floor(Date.now() / 30_000))

  test.each([
    [0, -1, true],
    [0, 0, true],
    [0, 30, false],
    [29.999, 0, true],
    [29.999, -1, true],
    [29.999, -31, false],
    [29.999, 30, false],
    [30, 29, true],
    [59.999, 29, true],
    [60, 29, false],
  ])('at second %d the code of second %d is good: %s', async (now, second, good) => {
    const step = await matchingTimeStep(seed, code(second), at(now))
    expect(step).toBe(good ? Math.floor((start + second) / 30) : null)
  })

  test('a device whose clock runs an hour or a step ahead is refused, not an error', async () => {
    await unusedCode(db, person)
    for (const steps of [1, 120])
      expect(await outcome(spend(codeFor(person.totpSecret, steps + 1)))).toBe('CODE_REJECTED')
  })
})

describe('wrong codes', () => {
  test('are looked at five times in a quarter of an hour, and then not even the right one is', async () => {
    for (let i = 0; i < 5; i++) expect(await outcome(spend(wrongCode()))).toBe('CODE_REJECTED')
    const before = opened()
    const refusal = await refusalOf(spend(await unusedCode(db, person)))
    expect(refusal.code).toBe('CODE_LOCKED')
    expect(refusal.retryAfterSeconds).toBeGreaterThan(880)
    expect(refusal.retryAfterSeconds).toBeLessThanOrEqual(900)
    expect(opened()).toBe(before)
    await forgetWindow()
    expect(await outcome(spend(await unusedCode(db, person)))).toBe('done')
  })

  test('are forgotten after a right one', async () => {
    for (let i = 0; i < 4; i++) await outcome(spend(wrongCode()))
    expect(await outcome(spend(await unusedCode(db, person)))).toBe('done')
    expect(await row()).toMatchObject({ wrongCodes: 0, consecutiveWrongCodes: 0, wrongCodesSince: null })
    for (let i = 0; i < 5; i++) expect(await outcome(spend(wrongCode()))).toBe('CODE_REJECTED')
  })

  test('sent 200 at once at sign-in: at most five are looked at', async () => {
    const { email, password } = person
    const pending = await beginSignIn(db, { email, password, network: '192.0.2.1', userAgent: '' })
    const before = opened()
    const calls = Array.from({ length: 200 }, () => finishSignIn(db, sealer, pending.sessionToken, wrongCode()))
    expect(await tally(calls)).toEqual({ CODE_REJECTED: 5, CODE_LOCKED: 195 })
    expect(opened() - before).toBe(5)
  })

  test('sent 200 at once at step-up, through sessions and tokens: at most five are looked at', async () => {
    const other = await signIn(db, sealer, person)
    await createPersonalToken(db, person.actor, { name: 'script', expiresAt: new Date(Date.now() + 86_400_000) })
    const before = opened()
    const calls = Array.from({ length: 200 }, (_, i) =>
      i % 2 === 0
        ? stepUp(db, sealer, person.bearer, wrongCode())
        : stepUpSession(db, sealer, other.sessionToken, '000000'),
    )
    const counts = await tally(calls)
    expect(counts.CODE_LOCKED).toBe(195)
    expect(opened() - before).toBe(5)
  })

  test('of one person do not hinder another', async () => {
    for (let i = 0; i < 6; i++) await outcome(spend(wrongCode()))
    expect(await outcome(spendCode(db, sealer, admin.actor.personId, await unusedCode(db, admin)))).toBe('done')
  })
})

describe('the twentieth wrong code in a row', () => {
  async function wrongTimes(times: number) {
    for (let i = 0; i < times; i++) {
      await forgetWindow()
      await outcome(spend(wrongCode()))
    }
  }
  const letters = () =>
    db
      .selectFrom('letter')
      .selectAll()
      .where('kind', '=', 'account-locked')
      .where('toAddress', '=', person.email)
      .execute()

  test('locks the person, ends their sessions and tells them by mail, once', async () => {
    await wrongTimes(19)
    expect((await row()).lockedAt).toBeNull()
    expect(await findSessionBearer(db, person.sessionToken)).not.toBeNull()
    expect(await letters()).toHaveLength(0)
    await wrongTimes(3)
    expect((await row()).lockedAt).not.toBeNull()
    expect(await findSessionBearer(db, person.sessionToken)).toBeNull()
    expect(await letters()).toHaveLength(1)
    const { email, password } = person
    const refusal = await refusalOf(beginSignIn(db, { email, password, network: '192.0.2.1', userAgent: '' }))
    expect(refusal.code).toBe('NOT_AUTHENTICATED')
  })

  test('is written into the audit trail of the organisation', async () => {
    await wrongTimes(20)
    const entries = await db
      .selectFrom('auditEntry')
      .select(['chain', 'body'])
      .where('action', '=', 'person.lock')
      .where('chain', '=', person.organisationId)
      .execute()
    expect(entries.map((entry) => JSON.parse(entry.body))).toMatchObject([
      { actor: 'desk', person: person.actor.personId },
    ])
  })

  test('is no use to somebody who then sends a right one', async () => {
    await wrongTimes(20)
    await forgetWindow()
    const refusal = await refusalOf(spend(await unusedCode(db, person)))
    expect(refusal.code).toBe('CODE_LOCKED')
    expect(refusal.retryAfterSeconds).toBeUndefined()
  })

  test('sent together with others locks and mails once', async () => {
    await wrongTimes(18)
    await forgetWindow()
    await tally(Array.from({ length: 20 }, () => spend(wrongCode())))
    expect((await row()).lockedAt).not.toBeNull()
    expect(await letters()).toHaveLength(1)
  })
})

describe('a code seed', () => {
  test('is sealed, and opens for its own person only', async () => {
    const { codeSeed, codeSeedKeyId } = await row()
    expect(codeSeed?.includes(person.totpSecret)).toBe(false)
    await db.updateTable('person').set({ codeSeed, codeSeedKeyId }).where('id', '=', admin.actor.personId).execute()
    const refusal = await refusalOf(spendCode(db, sealer, admin.actor.personId, codeFor(person.totpSecret)))
    expect(refusal.code).toBe('SECRET_UNAVAILABLE')
  })
})

import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  beginCodeDevice,
  findNewCodeDevice,
  needsProofForDevice,
  replaceCodeDevice,
} from '../../src/identity/account/code-device.ts'
import { makeRecoveryCodes } from '../../src/identity/account/recovery-codes.ts'
import { type Bearer, findSessionBearer } from '../../src/identity/sign-in/bearers.ts'
import { spendCode } from '../../src/identity/sign-in/codes.ts'
import { beginSignIn, finishWithRecoveryCode } from '../../src/identity/sign-in/sign-in.ts'
import { createSealer } from '../../src/secrets/sealing.ts'
import { entriesAbout, held, notices, personRow } from '../support/account.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, tally } from '../support/refusals.ts'
import { type Household, makeHouseholds } from '../support/worlds/account-world.ts'
import { codeFor, type Enrolled, signIn, unusedCode } from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const sealer = createSealer(randomBytes(32))
const { newHousehold } = await makeHouseholds(db, sealer)
let home: Household
let owner: Household['owner']

beforeEach(async () => {
  home = await newHousehold()
  owner = home.owner
  // What the joining is still worth as a step-up.
  await db.deleteFrom('stepUp').execute()
})

async function seedOf(bearer: Bearer = owner.bearer): Promise<string> {
  return (await findNewCodeDevice(db, sealer, bearer))?.codeSeed ?? ''
}

async function begin(): Promise<string> {
  await beginCodeDevice(db, sealer, owner.bearer, await unusedCode(db, owner))
  return seedOf()
}

const replace = (code: string, who: Pick<Enrolled, 'bearer' | 'sessionToken'> = owner) =>
  replaceCodeDevice(db, sealer, who.bearer, { sessionToken: who.sessionToken, code })
const spend = (code: string) => outcome(spendCode(db, sealer, owner.actor.personId, code))

describe('replacing the code device', () => {
  test('makes the new device’s codes good and the old one’s worthless', async () => {
    const seed = await begin()
    await replace(codeFor(seed, -1))
    expect(await spend(codeFor(owner.totpSecret))).toBe('CODE_REJECTED')
    expect(await spend(codeFor(seed))).toBe('done')
  })

  test('is known as a change, keeps the session under a new token, and ends the others and every step-up', async () => {
    const other = await signIn(db, sealer, owner)
    const seed = await begin()
    const { sessionToken } = await replace(codeFor(seed))
    expect((await personRow(db, owner)).codeChangedAt).not.toBeNull()
    expect(await held(db, owner)).toEqual({ sessions: 1, stepUps: 0 })
    expect(await findSessionBearer(db, sessionToken)).toMatchObject({ id: owner.bearer.id })
    for (const token of [owner.sessionToken, other.sessionToken]) expect(await findSessionBearer(db, token)).toBeNull()
  })

  test('is told to the person and the other owner, and written into the chain of the organisation', async () => {
    const seed = await begin()
    const before = (await notices(db)).length
    await replace(codeFor(seed))
    const told = [owner, home.partner].map(({ email }) => `${email} code_device_changed`)
    expect((await notices(db)).slice(before).toSorted()).toEqual(told.toSorted())
    const entries = await entriesAbout(db, owner.actor.personId)
    expect(entries).toContain(`${owner.organisationId} person.replace_code_device`)
  })

  test('of somebody who owns nothing is told to them alone', async () => {
    const { developer } = home
    await beginCodeDevice(db, sealer, developer.bearer, await unusedCode(db, developer))
    const before = (await notices(db)).length
    await replace(codeFor(await seedOf(developer.bearer)), developer)
    expect((await notices(db)).slice(before)).toEqual([`${developer.email} code_device_changed`])
  })

  test('leaves the old device working until the new one’s first code', async () => {
    const seed = await begin()
    expect(await outcome(replace('000000'))).toBe('CODE_REJECTED')
    expect(await outcome(replace(codeFor(owner.totpSecret)))).toBe('CODE_REJECTED')
    expect(await spend(await unusedCode(db, owner))).toBe('done')
    expect((await personRow(db, owner)).codeChangedAt).toBeNull()
    expect(await outcome(replace(codeFor(seed)))).toBe('done')
  })
})

describe('the first code of the new device', () => {
  test('enrols once, and works for nothing else afterwards (RFC 6238 §5.2)', async () => {
    const seed = await begin()
    const code = codeFor(seed)
    const { sessionToken } = await replace(code)
    expect(await spend(code)).toBe('CODE_REJECTED')
    expect(await outcome(replace(code, { ...owner, sessionToken }))).toBe('ILLEGAL_MOVE')
  })

  test('sent twenty times at the same moment enrols once', async () => {
    let { sessionToken, totpSecret } = owner
    for (let round = 0; round < 20; round++) {
      await beginCodeDevice(db, sealer, owner.bearer, await unusedCode(db, { email: owner.email, totpSecret }))
      const seed = await seedOf()
      const calls = Array.from({ length: 20 }, () => replace(codeFor(seed), { ...owner, sessionToken }))
      expect(await tally(calls)).toEqual({ done: 1, ILLEGAL_MOVE: 19 })
      const [won] = (await Promise.allSettled(calls)).filter((call) => call.status === 'fulfilled')
      if (won === undefined) throw new Error('nobody won')
      sessionToken = won.value.sessionToken
      totpSecret = seed
      expect(await findSessionBearer(db, sessionToken)).not.toBeNull()
    }
  }, 120_000)
})

describe('the new seed', () => {
  test('is shown to the session that gave the proof, the same at every look, and to no other', async () => {
    const seed = await begin()
    expect(await seedOf()).toBe(seed)
    const other = await signIn(db, sealer, owner)
    expect(await findNewCodeDevice(db, sealer, other.bearer)).toBeNull()
    expect(await outcome(replace(codeFor(seed), other))).toBe('ILLEGAL_MOVE')
  })

  test('is sealed', async () => {
    const seed = await begin()
    const row = await db.selectFrom('codeEnrolment').selectAll().executeTakeFirstOrThrow()
    expect(row.codeSeed.includes(seed)).toBe(false)
  })

  test('is forgotten after a quarter of an hour', async () => {
    const seed = await begin()
    const shift = (seconds: number) =>
      db
        .updateTable('codeEnrolment')
        .set({ createdAt: sql`created_at - ${seconds} * interval '1 second'` })
        .execute()
    await shift(15 * 60 - 5)
    expect(await seedOf()).toBe(seed)
    await shift(5)
    expect(await seedOf()).toBe('')
    expect(await outcome(replace(codeFor(seed)))).toBe('ILLEGAL_MOVE')
  })

  test('begun anew is another one', async () => {
    const seed = await begin()
    await beginCodeDevice(db, sealer, owner.bearer, await unusedCode(db, owner))
    expect(await seedOf()).not.toBe(seed)
    expect(await outcome(replace(codeFor(seed)))).toBe('CODE_REJECTED')
  })
})

describe('the proof', () => {
  const beginWith = (proof: string, bearer = owner.bearer) => outcome(beginCodeDevice(db, sealer, bearer, proof))

  test('is asked for, and nothing is begun without', async () => {
    expect(await needsProofForDevice(db, owner.bearer)).toBe(true)
    expect(await beginWith('')).toBe('STEP_UP_REQUIRED')
    expect(await beginWith('000000')).toBe('CODE_REJECTED')
    expect(await beginWith('AAAA-AAAA-AAAA-AAAA')).toBe('CODE_REJECTED')
    expect(await seedOf()).toBe('')
  })

  test('may be a recovery code, which is used up by it', async () => {
    const [recoveryCode = ''] = await makeRecoveryCodes(db, owner.bearer)
    expect(await beginWith(recoveryCode)).toBe('done')
    expect(await beginWith(recoveryCode)).toBe('CODE_REJECTED')
  })

  test('is given already by a sign-in with a recovery code, in that session, for a quarter of an hour', async () => {
    const codes = await makeRecoveryCodes(db, owner.bearer)
    const { email, password } = owner
    const pending = await beginSignIn(db, { email, password, network: '192.0.2.1', userAgent: '' })
    const { sessionToken } = await finishWithRecoveryCode(db, pending.sessionToken, codes[0] ?? '')
    const bearer = await findSessionBearer(db, sessionToken)
    if (bearer === null) throw new Error('not signed in')
    expect(await beginWith('')).toBe('STEP_UP_REQUIRED')
    expect(await needsProofForDevice(db, bearer)).toBe(false)
    expect(await beginWith('', bearer)).toBe('done')
    const codeAt = sql<Date>`code_at - interval '15 minutes'`
    await db.updateTable('session').set({ codeAt }).where('id', '=', bearer.id).execute()
    expect(await beginWith('', bearer)).toBe('STEP_UP_REQUIRED')
  })
})

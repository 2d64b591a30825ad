import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { findWhetherAdminExists } from '../../src/database/people/people.ts'
import { createFirstAdmin, issueSetUpCode } from '../../src/identity/members/first-admin.ts'
import { findInvitation } from '../../src/identity/members/invitations.ts'
import { createSealer } from '../../src/secrets/sealing.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, tally } from '../support/refusals.ts'
import { enrol, signIn, tokenOf } from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const sealer = createSealer(randomBytes(32))

beforeEach(async () => {
  await sql`truncate set_up_code, invitation, session, step_up, letter, rate_limit, person, membership, personal_token,
    rotation, item, approval, follow_up, version, version_use cascade`.execute(db)
})

const ines = { name: 'Ines Admin', email: 'ines@desk.example' }

async function issue(): Promise<string> {
  return (await issueSetUpCode(db)) ?? 'none'
}

describe('the first admin', () => {
  test('is made with the code from the log, enrols at once and signs in', async () => {
    const { invitationPath } = await createFirstAdmin(db, await issue(), ines)
    const admin = await enrol(db, sealer, tokenOf(invitationPath))
    expect((await signIn(db, sealer, admin)).actor).toMatchObject({ role: 'admin', organisationId: null })
    expect(await findWhetherAdminExists(db)).toBe(true)
  })

  test('takes the code in small letters and without its dashes', async () => {
    const code = (await issue()).toLowerCase().replaceAll('-', ' ')
    expect(await outcome(createFirstAdmin(db, code, ines))).toBe('done')
  })

  test('is made by one of two who use the same code at the same moment', async () => {
    const code = await issue()
    const calls = Array.from({ length: 10 }, (_, i) =>
      createFirstAdmin(db, code, { ...ines, email: `a${i}@desk.example` }),
    )
    expect(await tally(calls)).toEqual({ done: 1, SET_UP_VOID: 9 })
  })

  test('is one, whichever of several starters’ codes are used at the same moment', async () => {
    const codes = await Promise.all(Array.from({ length: 5 }, issue))
    const calls = codes.map((code, i) => createFirstAdmin(db, code, { ...ines, email: `a${i}@desk.example` }))
    expect(await tally(calls)).toEqual({ done: 1, SET_UP_VOID: 4 })
  })
})

describe('a set-up code', () => {
  test('is stored as a hash', async () => {
    const code = await issue()
    expect(code).toMatch(/^([2-9A-HJKMNP-Z]{5}-){4}[2-9A-HJKMNP-Z]{5}$/)
    const rows = await sql<{ text: string }>`select set_up_code::text as text from set_up_code`.execute(db)
    expect(rows.rows).toHaveLength(1)
    expect(rows.rows[0]?.text).not.toContain(code.slice(0, 5))
  })

  test('is neither issued nor good for anything once there is an admin', async () => {
    const [first, second] = [await issue(), await issue()]
    const { invitationPath } = await createFirstAdmin(db, first, ines)
    await enrol(db, sealer, tokenOf(invitationPath))
    expect(await issueSetUpCode(db)).toBeNull()
    expect(await outcome(createFirstAdmin(db, second, { ...ines, email: 'eve@desk.example' }))).toBe('SET_UP_VOID')
    expect(await outcome(createFirstAdmin(db, first, { ...ines, email: 'eve@desk.example' }))).toBe('SET_UP_VOID')
  })

  test('of the next start begins anew when an enrolment was given up, and voids the one before', async () => {
    const abandoned = await createFirstAdmin(db, await issue(), ines)
    const { invitationPath } = await createFirstAdmin(db, await issue(), { ...ines, email: 'jo@desk.example' })
    expect(await findInvitation(db, sealer, tokenOf(abandoned.invitationPath))).toBeNull()
    await enrol(db, sealer, tokenOf(invitationPath))
  })

  test('that is wrong is refused, and after twenty tries from one network so is every other', async () => {
    const code = await issue()
    const tries = Array.from({ length: 25 }, () => createFirstAdmin(db, 'AAAAA-AAAAA-AAAAA', ines, '192.0.2.4'))
    expect(await tally(tries)).toEqual({ SET_UP_VOID: 20, TOO_MANY_REQUESTS: 5 })
    expect(await outcome(createFirstAdmin(db, code, ines, '192.0.2.4'))).toBe('TOO_MANY_REQUESTS')
    expect(await outcome(createFirstAdmin(db, code, ines, '192.0.2.5'))).toBe('done')
  })

  test('isn’t spent by a name or an address that can’t be', async () => {
    const code = await issue()
    expect(await outcome(createFirstAdmin(db, code, { name: '', email: 'x' }))).toBe('INVALID_REQUEST')
    expect(await outcome(createFirstAdmin(db, code, ines))).toBe('done')
  })
})

import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { findSessions } from '../../src/database/people/sessions.ts'
import { endSessions } from '../../src/identity/account/session-list.ts'
import { findSessionBearer } from '../../src/identity/sign-in/bearers.ts'
import { beginSignIn } from '../../src/identity/sign-in/sign-in.ts'
import { createSealer } from '../../src/secrets/sealing.ts'
import { browserName } from '../../src/web/shown/user-agent.ts'
import { entriesAbout, held } from '../support/account.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Household, makeHouseholds } from '../support/worlds/account-world.ts'
import { type Enrolled, signIn } from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const sealer = createSealer(randomBytes(32))
const { newHousehold } = await makeHouseholds(db, sealer)
let home: Household
let elsewhere: Enrolled

beforeEach(async () => {
  home = await newHousehold()
  elsewhere = await signIn(db, sealer, home.owner)
})

const listed = async () => (await findSessions(db, home.owner.actor.personId)).map(({ id }) => id)

describe('the list of sessions', () => {
  test('holds those that are signed in, the one seen last first, with where from', async () => {
    const { email, password } = home.owner
    await beginSignIn(db, { email, password, network: '192.0.2.1', userAgent: '' })
    expect(await listed()).toEqual([elsewhere.bearer.id, home.owner.bearer.id])
    const [latest] = await findSessions(db, home.owner.actor.personId)
    expect(latest).toMatchObject({ network: '198.51.100.7', userAgent: 'test' })
  })

  test('leaves out what has ended by idleness or age', async () => {
    const session = db.updateTable('session').where('id', '=', elsewhere.bearer.id)
    await session.set({ lastSeenAt: sql`clock_timestamp() - interval '61 minutes'` }).execute()
    expect(await listed()).toEqual([home.owner.bearer.id])
    await session.set({ lastSeenAt: sql`clock_timestamp()`, endsAt: sql`clock_timestamp()` }).execute()
    expect(await listed()).toEqual([home.owner.bearer.id])
  })
})

describe('signing out', () => {
  test('the others leaves this one alone, with its step-up', async () => {
    await endSessions(db, home.owner.bearer, 'others')
    expect(await findSessionBearer(db, elsewhere.sessionToken)).toBeNull()
    expect(await findSessionBearer(db, home.owner.sessionToken)).not.toBeNull()
    expect(await held(db, home.owner)).toEqual({ sessions: 1, stepUps: 1 })
  })

  test('a single one ends that one alone, and again does and records nothing', async () => {
    const third = await signIn(db, sealer, home.owner)
    for (let i = 0; i < 2; i++) await endSessions(db, home.owner.bearer, { id: elsewhere.bearer.id })
    expect(await findSessionBearer(db, elsewhere.sessionToken)).toBeNull()
    expect(await findSessionBearer(db, third.sessionToken)).not.toBeNull()
    const entries = await entriesAbout(db, home.owner.actor.personId)
    expect(entries.filter((entry) => entry.endsWith('person.end_sessions'))).toHaveLength(1)
  })

  test('somebody else’s does nothing', async () => {
    await endSessions(db, home.partner.bearer, { id: elsewhere.bearer.id })
    expect(await findSessionBearer(db, elsewhere.sessionToken)).not.toBeNull()
  })

  test('also ends a sign-in that waits for its code', async () => {
    const { email, password } = home.owner
    const pending = await beginSignIn(db, { email, password, network: '192.0.2.1', userAgent: '' })
    await endSessions(db, home.owner.bearer, 'others')
    expect(await findSessionBearer(db, pending.sessionToken)).toBeNull()
  })

  test('each other at the same moment leaves nobody signed in, or one, and never waits for ever', async () => {
    for (let round = 0; round < 20; round++) {
      const [one, other] = [await signIn(db, sealer, home.owner), await signIn(db, sealer, home.owner)]
      await Promise.all([endSessions(db, one.bearer, 'others'), endSessions(db, other.bearer, 'others')])
      expect((await listed()).length).toBeLessThanOrEqual(1)
    }
  }, 120_000)
})

test.each([
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
    'Chrome on Windows',
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0',
    'Edge on Windows',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
    'Safari on macOS',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
    'Safari on iOS',
  ],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
  [
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36',
    'Chrome on Android',
  ],
  ['curl/8.9.1', 'Another browser or program'],
  ['<script>alert(1)</script>', 'Another browser or program'],
  ['', 'Another browser or program'],
])('%s is named %s', (userAgent, name) => {
  expect(browserName(userAgent)).toBe(name)
})

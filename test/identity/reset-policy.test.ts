import { beforeEach, expect, test } from 'vitest'
import { spendAccessRequest, spendReset } from '../../src/identity/limits.ts'
import { openTestDatabase } from '../support/database.ts'
import { refusalOf } from '../support/refusals.ts'

const { db } = await openTestDatabase()

beforeEach(() => db.updateTable('policy').set({ resetsPerHour: 2 }).execute())

test.each([
  ['password resets', spendReset],
  ['requests for lost access', spendAccessRequest],
])('%s of one address are as many an hour as the policy says, from wherever they come', async (_name, spend) => {
  await spend(db, '192.0.2.1', 'ada@acme.example')
  await spend(db, '192.0.2.2', 'ada@acme.example')
  expect((await refusalOf(spend(db, '192.0.2.3', 'ada@acme.example'))).code).toBe('TOO_MANY_REQUESTS')
  await spend(db, '192.0.2.3', 'another@acme.example')
})

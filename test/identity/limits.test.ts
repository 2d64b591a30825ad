import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { createDb, createPool } from '../../src/database/connect.ts'
import { spendFiling } from '../../src/desk/filing/limit.ts'
import { beginSignIn } from '../../src/identity/sign-in/sign-in.ts'
import { createLog } from '../../src/log.ts'
import { Refusal } from '../../src/rules/refusals.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, refusalOf, tally } from '../support/refusals.ts'

const { db, url } = await openTestDatabase()

describe('the limit of filings', () => {
  test('holds to the policy’s number when fifty come at the same moment from two processes', async () => {
    const other = createDb(createPool(url, createLog('fatal'), { max: 10, statementMilliseconds: 5_000 }))
    const calls = Array.from({ length: 50 }, (_, i) => spendFiling(i % 2 === 0 ? db : other, 'per_1'))
    expect(await tally(calls)).toEqual({ done: 30, TOO_MANY_REQUESTS: 20 })
    await other.destroy()
  })

  test('is each person’s own, tells how long to wait, and begins anew after the hour', async () => {
    await db.updateTable('policy').set({ filingsPerHour: 1 }).execute()
    expect(await outcome(spendFiling(db, 'per_2'))).toBe('done')
    expect(await outcome(spendFiling(db, 'per_3'))).toBe('done')
    const refusal = await refusalOf(spendFiling(db, 'per_2'))
    expect(refusal.retryAfterSeconds).toBeGreaterThan(3_590)
    expect(refusal.retryAfterSeconds).toBeLessThanOrEqual(3_600)
    await sql`update rate_limit set expire = expire - 3600000 where key like '%per_2'`.execute(db)
    expect(await outcome(spendFiling(db, 'per_2'))).toBe('done')
  })
})

test('a database that can’t be reached is an error, never a limit without end', async () => {
  const pool = createPool('postgres://nobody@127.0.0.1:1/nothing', createLog('fatal'), {
    max: 1,
    statementMilliseconds: 500,
  })
  const away = createDb(pool)
  const calls = [
    spendFiling(away, 'per_1'),
    beginSignIn(away, { email: 'a@b.example', password: 'x', network: '', userAgent: '' }),
  ]
  for (const result of await Promise.allSettled(calls)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ECONNREFUSED' } })
    expect(result.status === 'rejected' && result.reason instanceof Refusal).toBe(false)
  }
  await away.destroy()
})

import { CompiledQuery } from 'kysely'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { Refusal } from '../rules/refusals.ts'
import type { Db } from './connect.ts'

/** So many points per key within so many seconds, counted from the first. */
export type Limit = { name: string; points: number; seconds: number }

/** What the limiter needs of a client, over the desk's own pool and its time limits. */
function storeOf(db: Db) {
  return {
    query: ({ text, values }: { text: string; values: unknown[] }) => db.executeQuery(CompiledQuery.raw(text, values)),
  }
}

function createLimiter(db: Db, { name, points, seconds }: Limit, sweeps = false): RateLimiterPostgres {
  return new RateLimiterPostgres({
    storeClient: storeOf(db),
    storeType: 'client',
    tableName: 'rate_limit',
    tableCreated: true,
    keyPrefix: name,
    points,
    duration: seconds,
    clearExpiredByTimeout: sweeps,
  })
}

const sweepers = new WeakMap<Db, RateLimiterPostgres>()

/** Keeps the table small: its rows are deleted an hour after they ran out, for as long as the process lives. */
function sweepNowAndThen(db: Db): void {
  if (!sweepers.has(db)) sweepers.set(db, createLimiter(db, { name: 'sweeper', points: 1, seconds: 1 }, true))
}

/**
 * Takes one point, for all processes together. Refuses with `TOO_MANY_REQUESTS` and the seconds to wait when none is
 * left; when the database can't be reached its error is thrown, so that nothing passes uncounted.
 */
export async function spendPoint(db: Db, limit: Limit, key: string): Promise<void> {
  sweepNowAndThen(db)
  try {
    await createLimiter(db, limit).consume(key)
  } catch (reason) {
    if (!(reason instanceof RateLimiterRes)) throw reason
    throw new Refusal('TOO_MANY_REQUESTS', { retryAfterSeconds: Math.max(1, Math.ceil(reason.msBeforeNext / 1000)) })
  }
}

/** Gives a point back. */
export async function returnPoint(db: Db, limit: Limit, key: string): Promise<void> {
  await createLimiter(db, limit).reward(key)
}

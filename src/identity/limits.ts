import { CompiledQuery } from 'kysely'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import type { Db } from '../database/connect.ts'
import { networkOf } from '../rules/networks.ts'
import { Refusal } from '../rules/refusals.ts'

type Limit = { name: string; points: number; seconds: number }

const FIVE_MINUTES_SECONDS = 5 * 60
const QUARTER_HOUR_SECONDS = 15 * 60
const HOUR_SECONDS = 60 * 60
// A right password gives its point back, so these count wrong ones.
const SIGN_IN_PER_NETWORK: Limit = { name: 'sign-in-network', points: 100, seconds: FIVE_MINUTES_SECONDS }
const SIGN_IN_PER_EMAIL: Limit = { name: 'sign-in-email', points: 20, seconds: QUARTER_HOUR_SECONDS }
const SET_UP_TRIES: Limit = { name: 'set-up', points: 20, seconds: QUARTER_HOUR_SECONDS }

/** What the limiter needs of a client, over the desk's own pool and its limits. */
function storeOf(db: Db) {
  return {
    query: ({ text, values }: { text: string; values: unknown[] }) => db.executeQuery(CompiledQuery.raw(text, values)),
  }
}

const sweepers = new WeakMap<Db, RateLimiterPostgres>()

/** Keeps the table small: its rows are deleted an hour after they ran out, for as long as the process lives. */
function sweepNowAndThen(db: Db): void {
  if (!sweepers.has(db)) sweepers.set(db, createLimiter(db, SIGN_IN_PER_NETWORK, true))
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

/**
 * Takes one point, for all processes together. Refuses with `TOO_MANY_REQUESTS` and the seconds to wait when none is
 * left; when the database can't be reached its error is thrown, so that nothing passes uncounted.
 */
async function spend(db: Db, limit: Limit, key: string): Promise<void> {
  sweepNowAndThen(db)
  try {
    await createLimiter(db, limit).consume(key)
  } catch (reason) {
    if (!(reason instanceof RateLimiterRes)) throw reason
    throw new Refusal('TOO_MANY_REQUESTS', { retryAfterSeconds: Math.max(1, Math.ceil(reason.msBeforeNext / 1000)) })
  }
}

/** Counts a try to sign in, by network and by address, known or not. */
export async function spendSignIn(db: Db, network: string, email: string): Promise<void> {
  await spend(db, SIGN_IN_PER_NETWORK, networkOf(network))
  await spend(db, SIGN_IN_PER_EMAIL, email)
}

/** Gives a try back whose password was right. */
export async function returnSignIn(db: Db, network: string, email: string): Promise<void> {
  await createLimiter(db, SIGN_IN_PER_NETWORK).reward(networkOf(network))
  await createLimiter(db, SIGN_IN_PER_EMAIL).reward(email)
}

/** Counts a try of the set-up code. */
export async function spendSetUpTry(db: Db, network: string): Promise<void> {
  await spend(db, SET_UP_TRIES, networkOf(network))
}

/** Counts a filed rotation; `perHour` comes from the policy. */
export async function spendFiling(db: Db, personId: string, perHour: number): Promise<void> {
  await spend(db, { name: 'filing', points: perHour, seconds: HOUR_SECONDS }, personId)
}

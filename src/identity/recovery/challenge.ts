import { sql } from 'kysely'
import type { Db } from '../../database/connect.ts'
import { Refusal } from '../../rules/refusals.ts'
import { checkSolution } from '../../secrets/challenge.ts'

/** What challenges of the public form are for: one solved for something else is of no use here. */
export const LOST_ACCESS = 'lost-access'

/** Forgets the spent challenges that have run out, which are refused for that. */
async function forgetOld(db: Db): Promise<void> {
  await db
    .deleteFrom('spentChallenge')
    .where('expiresAt', '<', sql<Date>`clock_timestamp() - interval '1 hour'`)
    .execute()
}

/**
 * Takes the solution of a challenge, each once, for all processes together. Refuses CHALLENGE_REJECTED for one that is wrong, not ours, too
 * late or used already.
 */
export async function spendSolution(db: Db, secret: string, solution: string): Promise<void> {
  const solved = await checkSolution(secret, LOST_ACCESS, solution)
  if (solved === null) throw new Refusal('CHALLENGE_REJECTED')
  await forgetOld(db)
  const spent = await db
    .insertInto('spentChallenge')
    .values(solved)
    .onConflict((conflict) => conflict.doNothing())
    .returning('hash')
    .executeTakeFirst()
  if (spent === undefined) throw new Refusal('CHALLENGE_REJECTED')
}

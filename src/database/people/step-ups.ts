import { sql } from 'kysely'
import type { Db } from '../connect.ts'

export type StepUpOwner = { id: string; personId: string }

const live = sql<boolean>`expires_at > clock_timestamp() and calls_left > 0`

/** Takes one call off the step-up with this token, if it was given to this person and bearer. */
export async function takeStepUpCall(db: Db, owner: StepUpOwner, tokenHash: Buffer): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('stepUp')
    .set((eb) => ({ callsLeft: eb('callsLeft', '-', 1) }))
    .where('tokenHash', '=', tokenHash)
    .where('personId', '=', owner.personId)
    .where('bearerId', '=', owner.id)
    .where(live)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/**
 * Takes one call off any step-up of a bearer, the one that ends first. Callers that come together wait for one
 * another's row and then look at the next one.
 */
export async function takeAnyStepUpCall(db: Db, owner: StepUpOwner): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('stepUp')
    .set((eb) => ({ callsLeft: eb('callsLeft', '-', 1) }))
    .where('tokenHash', '=', (eb) =>
      eb
        .selectFrom('stepUp')
        .select('tokenHash')
        .where('personId', '=', owner.personId)
        .where('bearerId', '=', owner.id)
        .where(live)
        .orderBy('expiresAt')
        .limit(1)
        .forUpdate(),
    )
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export async function findWhetherSteppedUp(db: Db, owner: StepUpOwner): Promise<boolean> {
  const row = await db
    .selectFrom('stepUp')
    .select('bearerId')
    .where('personId', '=', owner.personId)
    .where('bearerId', '=', owner.id)
    .where(live)
    .executeTakeFirst()
  return row !== undefined
}

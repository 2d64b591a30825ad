import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'

const WRONG_CODES_PER_WINDOW = 5
const WRONG_CODE_WINDOW_SECONDS = 15 * 60

export type CodeAttempt = { codeSeed: Buffer; codeSeedKeyId: string; consecutiveWrongCodes: number; at: Date }

/**
 * Counts a code as wrong before anybody looks at it, in one statement: of any number of codes sent at the same moment,
 * at most five per quarter of an hour get the seed to be compared with. Undefined when none is left, or the person is
 * locked, disabled or has no code device.
 */
export async function takeCodeAttempt(db: Db, personId: string): Promise<CodeAttempt | undefined> {
  const inWindow = sql`wrong_codes_since > moment.now - ${WRONG_CODE_WINDOW_SECONDS} * interval '1 second'`
  const { rows } = await sql<CodeAttempt>`
    update person
    set wrong_codes = case when ${inWindow} then wrong_codes + 1 else 1 end,
        wrong_codes_since = case when ${inWindow} then wrong_codes_since else moment.now end,
        consecutive_wrong_codes = consecutive_wrong_codes + 1
    from (select date_trunc('milliseconds', clock_timestamp()) as now) as moment
    where person.id = ${personId} and locked_at is null and disabled_at is null and code_seed is not null
      and (wrong_codes < ${WRONG_CODES_PER_WINDOW} or wrong_codes_since is null or not ${inWindow})
    returning code_seed, code_seed_key_id, consecutive_wrong_codes, moment.now as at`.execute(db)
  return rows[0]
}

/** When the person may try again, or null when no waiting helps. */
export async function findNextAttempt(db: Db, personId: string): Promise<{ seconds: number } | null> {
  const row = await db
    .selectFrom('person')
    .select(
      sql<number>`ceil(extract(epoch from wrong_codes_since - clock_timestamp()) + ${WRONG_CODE_WINDOW_SECONDS})::int`.as(
        'seconds',
      ),
    )
    .where('id', '=', personId)
    .where('lockedAt', 'is', null)
    .where('wrongCodesSince', 'is not', null)
    .executeTakeFirst()
  return row === undefined ? null : { seconds: Math.max(1, row.seconds) }
}

/**
 * Accepts a right code once (RFC 6238 §5.2): only a time step above the last accepted one counts, and the comparison is
 * in the write itself. Clears the count of wrong ones. False when the step was used, or the seed or the person changed.
 */
export async function acceptCodeStep(trx: Trx, personId: string, seed: Buffer, timeStep: number): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('person')
    .set({ codeLastStep: timeStep, wrongCodes: 0, consecutiveWrongCodes: 0, wrongCodesSince: null })
    .where('id', '=', personId)
    .where('codeSeed', '=', seed)
    .where('lockedAt', 'is', null)
    .where('disabledAt', 'is', null)
    .where((eb) => eb.or([eb('codeLastStep', 'is', null), eb('codeLastStep', '<', String(timeStep))]))
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

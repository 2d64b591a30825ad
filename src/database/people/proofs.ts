import { sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'

/** A code device that is being set up is forgotten after this long. */
const ENROLMENT_SECONDS = 15 * 60

/** How many recovery codes the person has left. */
export async function countRecoveryCodes(db: Db, personId: string): Promise<number> {
  const row = await db
    .selectFrom('recoveryCode')
    .select((is) => is.fn.countAll<string>().as('count'))
    .where('personId', '=', personId)
    .where('usedAt', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** A password reset that can still be used, with its person, who can sign in but for the password. Reading it changes nothing. */
export async function findOpenReset(db: Db, tokenHash: Buffer) {
  return db
    .selectFrom('passwordReset')
    .innerJoin('person', 'person.id', 'passwordReset.personId')
    .select(['person.id as personId', 'person.name', 'person.email'])
    .where('tokenHash', '=', tokenHash)
    .where('usedAt', 'is', null)
    .where(sql<boolean>`password_reset.expires_at > clock_timestamp()`)
    .where('person.disabledAt', 'is', null)
    .where('person.lockedAt', 'is', null)
    .where('person.codeSeed', 'is not', null)
    .executeTakeFirst()
}

/** A change of address that can still be confirmed, with its person. Reading it changes nothing. */
export async function findOpenEmailChange(db: Db, tokenHash: Buffer) {
  return db
    .selectFrom('emailChange')
    .innerJoin('person', 'person.id', 'emailChange.personId')
    .select(['person.id as personId', 'person.email as oldEmail', 'emailChange.email'])
    .where('tokenHash', '=', tokenHash)
    .where('usedAt', 'is', null)
    .where(sql<boolean>`email_change.expires_at > clock_timestamp()`)
    .where('person.disabledAt', 'is', null)
    .where('person.lockedAt', 'is', null)
    .executeTakeFirst()
}

/** The address that a person asked to change to and has not confirmed yet. */
export async function findAwaitedEmail(db: Db, personId: string) {
  return db
    .selectFrom('emailChange')
    .select(['email', 'expiresAt'])
    .where('personId', '=', personId)
    .where('usedAt', 'is', null)
    .where(sql<boolean>`expires_at > clock_timestamp()`)
    .orderBy('createdAt', 'desc')
    .executeTakeFirst()
}

type Enroller = { id: string; personId: string }

const freshEnrolment = sql<boolean>`created_at > clock_timestamp() - ${sql.lit(ENROLMENT_SECONDS)} * interval '1 second'`

function pendingEnrolment(db: Db, { id, personId }: Enroller) {
  return db
    .selectFrom('codeEnrolment')
    .selectAll()
    .where('personId', '=', personId)
    .where('sessionId', '=', id)
    .where(freshEnrolment)
}

/** The code device that this session of the person's sets up, if it does. */
export async function findCodeEnrolment(db: Db, enroller: Enroller) {
  return pendingEnrolment(db, enroller).executeTakeFirst()
}

/** The same, locked, so that its first code is accepted once. */
export async function lockCodeEnrolment(trx: Trx, enroller: Enroller) {
  return pendingEnrolment(trx, enroller).forUpdate().executeTakeFirst()
}

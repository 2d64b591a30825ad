import { sql } from 'kysely'
import type { MemberRole, StaffRole } from '../../rules/permissions.ts'
import type { Db } from '../connect.ts'

/** A person without a click for this long is signed out: staff sooner, since they see every customer. */
const STAFF_IDLE_SECONDS = 15 * 60
const MEMBER_IDLE_SECONDS = 60 * 60
/** So long a sign-in with a recovery code stands for a code of the lost device. */
const RECOVERED_SECONDS = 15 * 60

/** Who a session or token stands for right now: nobody once the person, their role or their membership is gone. */
export type BearerRow = {
  id: string
  personId: string
  name: string
  email: string
  timeZone: string
  organisationId: string | null
  staffRole: StaffRole | null
  memberRole: MemberRole | null
}
export type TokenRow = BearerRow & { scopes: string[]; unattended: boolean; ipRanges: string[]; usedLongAgo: boolean }
export type SessionRow = BearerRow & { formToken: string; complete: boolean; seenLongAgo: boolean }

const BEARER_COLUMNS = [
  'person.id as personId',
  'person.name',
  'person.email',
  'person.timeZone',
  'person.staffRole',
  'membership.role as memberRole',
] as const

const idleSeconds = sql<number>`case when session.organisation_id is null then ${sql.lit(STAFF_IDLE_SECONDS)}
  else ${sql.lit(MEMBER_IDLE_SECONDS)} end`

/** The session with this token, if it has not ended: joined with the person and the membership at every call. */
export async function findSession(db: Db, tokenHash: Buffer): Promise<SessionRow | undefined> {
  return (
    db
      .selectFrom('session')
      .innerJoin('person', 'person.id', 'session.personId')
      .leftJoin('membership', (join) =>
        join
          .onRef('membership.personId', '=', 'session.personId')
          .onRef('membership.organisationId', '=', 'session.organisationId'),
      )
      .select(BEARER_COLUMNS)
      .select(['session.id', 'session.organisationId', 'session.formToken', 'session.complete'])
      .select(sql<boolean>`session.last_seen_at < clock_timestamp() - interval '1 minute'`.as('seenLongAgo'))
      .where('session.tokenHash', '=', tokenHash)
      .where('person.disabledAt', 'is', null)
      .where('person.lockedAt', 'is', null)
      // Taken away by a recovery case: what was made at that very moment is of no use either.
      .where('person.codeSeed', 'is not', null)
      .where(sql<boolean>`session.ends_at > clock_timestamp()`)
      .where(sql<boolean>`session.last_seen_at > clock_timestamp() - ${idleSeconds} * interval '1 second'`)
      .executeTakeFirst()
  )
}

/** The personal token's person, if it is neither revoked nor past its end: joined as `findSession` does. */
export async function findPersonalToken(db: Db, tokenHash: Buffer): Promise<TokenRow | undefined> {
  return (
    db
      .selectFrom('personalToken')
      .innerJoin('person', 'person.id', 'personalToken.personId')
      .leftJoin('membership', (join) =>
        join
          .onRef('membership.personId', '=', 'personalToken.personId')
          .onRef('membership.organisationId', '=', 'personalToken.organisationId'),
      )
      .select(BEARER_COLUMNS)
      .select(['personalToken.id', 'personalToken.organisationId', 'personalToken.scopes'])
      .select(['personalToken.unattended', 'personalToken.ipRanges'])
      .select(
        sql<boolean>`coalesce(personal_token.last_used_at < clock_timestamp() - interval '1 minute', true)`.as(
          'usedLongAgo',
        ),
      )
      .where('personalToken.tokenHash', '=', tokenHash)
      .where('personalToken.revokedAt', 'is', null)
      .where('person.disabledAt', 'is', null)
      .where('person.lockedAt', 'is', null)
      // Taken away by a recovery case: what was made at that very moment is of no use either.
      .where('person.codeSeed', 'is not', null)
      .where(sql<boolean>`personal_token.expires_at > clock_timestamp()`)
      .executeTakeFirst()
  )
}

export async function noteSessionSeen(db: Db, tokenHash: Buffer): Promise<void> {
  await db
    .updateTable('session')
    .set({ lastSeenAt: sql`clock_timestamp()` })
    .where('tokenHash', '=', tokenHash)
    .execute()
}

export async function noteTokenUsed(db: Db, tokenHash: Buffer): Promise<void> {
  await db
    .updateTable('personalToken')
    .set({ lastUsedAt: sql`clock_timestamp()` })
    .where('tokenHash', '=', tokenHash)
    .execute()
}

/** A person's tokens, the newest first, those that still work or also those that ended; never the token itself. */
export async function findPersonalTokens(
  db: Db,
  person: { personId: string; organisationId: string | null },
  which: 'live' | 'all' = 'live',
) {
  return db
    .selectFrom('personalToken')
    .select([
      'id',
      'name',
      'last4',
      'scopes',
      'unattended',
      'ipRanges',
      'createdAt',
      'expiresAt',
      'revokedAt',
      'lastUsedAt',
    ])
    .where('personId', '=', person.personId)
    .where('organisationId', 'is not distinct from', person.organisationId)
    .$if(which === 'live', (query) =>
      query.where('revokedAt', 'is', null).where(sql<boolean>`expires_at > clock_timestamp()`),
    )
    .orderBy('createdAt', 'desc')
    .orderBy('id')
    .execute()
}

/** The organisation a person's latest session acted in, if it acted in one. */
export async function findLastOrganisation(db: Db, personId: string): Promise<string | undefined> {
  const session = await db
    .selectFrom('session')
    .select('organisationId')
    .where('personId', '=', personId)
    .where('complete', '=', true)
    .orderBy('lastSeenAt', 'desc')
    .limit(1)
    .executeTakeFirst()
  return session?.organisationId ?? undefined
}

/** A person's sessions that have not ended, the one seen last first; those that wait for their code are none yet. */
export async function findSessions(db: Db, personId: string) {
  return db
    .selectFrom('session')
    .select(['id', 'network', 'userAgent', 'createdAt', 'lastSeenAt'])
    .where('personId', '=', personId)
    .where('complete', '=', true)
    .where(sql<boolean>`ends_at > clock_timestamp()`)
    .where(sql<boolean>`last_seen_at > clock_timestamp() - ${idleSeconds} * interval '1 second'`)
    .orderBy('lastSeenAt', 'desc')
    .orderBy('id')
    .execute()
}

/** Whether the session began with a recovery code, less than a quarter of an hour ago. */
export async function findWhetherRecovered(db: Db, sessionId: string): Promise<boolean> {
  const row = await db
    .selectFrom('session')
    .select('id')
    .where('id', '=', sessionId)
    .where('complete', '=', true)
    .where('recovered', '=', true)
    .where(sql<boolean>`code_at > clock_timestamp() - ${sql.lit(RECOVERED_SECONDS)} * interval '1 second'`)
    .executeTakeFirst()
  return row !== undefined
}

import { sql } from 'kysely'
import type { MemberRole, Role } from '../../rules/permissions.ts'
import type { Db, Trx } from '../connect.ts'

/** Somebody in a place as it keeps them, whether or not they can sign in now. */
export type PlacedPerson = {
  personId: string
  name: string
  email: string
  timeZone: string
  disabledAt: Date | null
}

/** Locks all memberships of an organisation, in one order: who owns it can't change meanwhile, but for being disabled. */
export async function lockMemberships(
  trx: Trx,
  organisationId: string,
): Promise<(PlacedPerson & { role: MemberRole })[]> {
  return trx
    .selectFrom('membership')
    .innerJoin('person', 'person.id', 'membership.personId')
    .select(['person.id as personId', 'person.name', 'person.email', 'person.timeZone', 'person.disabledAt'])
    .select('membership.role')
    .where('membership.organisationId', '=', organisationId)
    .orderBy('membership.personId')
    .forNoKeyUpdate('membership')
    .execute()
}

/** The staff, whether or not they can sign in. Whoever changes them holds `lockDesk`. */
export async function findAllStaff(db: Db): Promise<(PlacedPerson & { role: Role; lockedAt: Date | null })[]> {
  const rows = await db
    .selectFrom('person')
    .select(['id as personId', 'name', 'email', 'timeZone', 'disabledAt', 'lockedAt', 'staffRole'])
    .where('staffRole', 'is not', null)
    .where('passwordHash', 'is not', null)
    .orderBy('id')
    .execute()
  return rows.map(({ staffRole, ...person }) => ({ ...person, role: staffRole ?? 'agent' }))
}

/** Everybody whom something about an organisation concerns, or about the staff (null), those who can't sign in included. */
export async function findContacts(db: Db, organisationId: string | null): Promise<(PlacedPerson & { role: Role })[]> {
  if (organisationId === null) return findAllStaff(db)
  return db
    .selectFrom('membership')
    .innerJoin('person', 'person.id', 'membership.personId')
    .select(['person.id as personId', 'person.name', 'person.email', 'person.timeZone', 'person.disabledAt'])
    .select('membership.role')
    .where('membership.organisationId', '=', organisationId)
    .orderBy('person.id')
    .execute()
}

/**
 * Organisations that nobody can act for: no owner who isn't disabled, and no open invitation of one. The oldest first.
 */
export async function findOrganisationsWithoutOwner(db: Db, limit: number): Promise<{ id: string; name: string }[]> {
  return db
    .selectFrom('organisation')
    .select(['id', 'name'])
    .where((is) =>
      is.not(
        is.exists(
          is
            .selectFrom('membership')
            .innerJoin('person', 'person.id', 'membership.personId')
            .select('membership.personId')
            .whereRef('membership.organisationId', '=', 'organisation.id')
            .where('membership.role', '=', 'owner')
            .where('person.disabledAt', 'is', null),
        ),
      ),
    )
    .where((is) =>
      is.not(
        is.exists(
          is
            .selectFrom('invitation')
            .select('invitation.id')
            .whereRef('invitation.organisationId', '=', 'organisation.id')
            .where('invitation.role', '=', 'owner')
            .where('invitation.acceptedAt', 'is', null)
            .where(sql<boolean>`invitation.expires_at > clock_timestamp()`),
        ),
      ),
    )
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** Whether an organisation has ever had members: from then on only its owners, or a recovery case, make owners. */
export async function findWhetherEverJoined(db: Db, organisationId: string): Promise<boolean> {
  const joined = await db
    .selectFrom('invitation')
    .select('id')
    .where('organisationId', '=', organisationId)
    .where('acceptedAt', 'is not', null)
    .limit(1)
    .executeTakeFirst()
  const member = await db
    .selectFrom('membership')
    .select('personId')
    .where('organisationId', '=', organisationId)
    .limit(1)
    .executeTakeFirst()
  return joined !== undefined || member !== undefined
}

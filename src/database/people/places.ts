import { type RawBuilder, sql } from 'kysely'
import type { Role } from '../../rules/permissions.ts'
import type { Db } from '../connect.ts'
import { findMemberships, type Membership } from './people.ts'

const SECONDS_PER_STEP = 30

/** What the desk can tell of an account without a secret of it. */
export type AccountState = {
  /** Whether a code device is set up; without one nobody signs in. */
  secondFactor: boolean
  lockedAt: Date | null
  disabledAt: Date | null
  /** When a one-time code was accepted last, to within half a minute; null when never. */
  codeGivenAt: Date | null
}

/** Somebody of an organisation or of the staff, with the role that they have there. */
export type ListedPerson = AccountState & {
  personId: string
  name: string
  email: string
  role: Role
  mayReveal: boolean
}

const secondFactor = sql<boolean>`person.code_seed is not null`
// The step of the last code is a time (RFC 6238 §4.2).
const codeGivenAt: RawBuilder<Date | null> = sql`to_timestamp(person.code_last_step * ${sql.lit(SECONDS_PER_STEP)})`

const ACCOUNT = [
  'person.id as personId',
  'person.name',
  'person.email',
  'person.lockedAt',
  'person.disabledAt',
] as const

async function findMemberList(db: Db, organisationId: string): Promise<ListedPerson[]> {
  return db
    .selectFrom('membership')
    .innerJoin('person', 'person.id', 'membership.personId')
    .select(ACCOUNT)
    .select(['membership.role', 'membership.mayReveal'])
    .select([secondFactor.as('secondFactor'), codeGivenAt.as('codeGivenAt')])
    .where('membership.organisationId', '=', organisationId)
    .execute()
}

async function findStaffList(db: Db): Promise<ListedPerson[]> {
  const rows = await db
    .selectFrom('person')
    .select(ACCOUNT)
    .select('person.staffRole')
    .select([secondFactor.as('secondFactor'), codeGivenAt.as('codeGivenAt')])
    .where('person.staffRole', 'is not', null)
    .execute()
  return rows.map(({ staffRole, ...row }) => ({ ...row, role: staffRole ?? 'agent', mayReveal: false }))
}

/** Everybody of an organisation, or of the staff (null), by name, those who can't sign in now included. */
export async function findPeople(db: Db, organisationId: string | null): Promise<ListedPerson[]> {
  const people = organisationId === null ? await findStaffList(db) : await findMemberList(db, organisationId)
  return people.sort((a, b) => a.name.localeCompare(b.name, 'en') || (a.email < b.email ? -1 : 1))
}

export type ListedInvitation = {
  id: string
  organisationId: string | null
  name: string
  email: string
  role: Role
  createdAt: Date
  expiresAt: Date
  ranOut: boolean
  /** Whether it gives somebody their access back, as a recovery case decided. */
  recovery: boolean
}

function selectInvitations(db: Db) {
  return db
    .selectFrom('invitation')
    .innerJoin('person', 'person.id', 'invitation.personId')
    .select(['invitation.id', 'invitation.organisationId', 'invitation.inviteeName as name', 'person.email'])
    .select(['invitation.role', 'invitation.createdAt', 'invitation.expiresAt'])
    .select(sql<boolean>`invitation.expires_at <= clock_timestamp()`.as('ranOut'))
    .select(sql<boolean>`invitation.recovery_case_id is not null`.as('recovery'))
    .where('invitation.acceptedAt', 'is', null)
}

/**
 * Who is invited to an organisation, or to the staff (null), and hasn't come, the newest first; those that have run out included. Under
 * the name that the inviter gave: an address alone must not tell whose it is.
 */
export async function findInvitations(db: Db, organisationId: string | null): Promise<ListedInvitation[]> {
  return selectInvitations(db)
    .where('invitation.organisationId', 'is not distinct from', organisationId)
    .orderBy('invitation.createdAt', 'desc')
    .orderBy('invitation.id')
    .execute()
}

/** One that wasn't accepted, for the staff (null) or the owners of its organisation. */
export async function findListedInvitation(
  db: Db,
  viewer: { organisationId: string | null },
  id: string,
): Promise<ListedInvitation | undefined> {
  const found = await selectInvitations(db).where('invitation.id', '=', id).executeTakeFirst()
  return viewer.organisationId === null || found?.organisationId === viewer.organisationId ? found : undefined
}

export type PersonView = AccountState & {
  personId: string
  name: string
  email: string
  staffRole: 'agent' | 'admin' | null
  createdAt: Date
  passwordChangedAt: Date | null
  codeChangedAt: Date | null
  emailChangedAt: Date | null
  memberships: Membership[]
}

/** A person as the staff see them, never a secret. */
export async function findPersonView(db: Db, personId: string): Promise<PersonView | undefined> {
  const person = await db
    .selectFrom('person')
    .select(ACCOUNT)
    .select(['person.staffRole', 'person.createdAt', 'person.passwordChangedAt', 'person.codeChangedAt'])
    .select('person.emailChangedAt')
    .select([secondFactor.as('secondFactor'), codeGivenAt.as('codeGivenAt')])
    .where('person.id', '=', personId)
    .executeTakeFirst()
  return person === undefined ? undefined : { ...person, memberships: await findMemberships(db, personId) }
}

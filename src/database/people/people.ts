import type { Selectable } from 'kysely'
import type { MemberRole, Role } from '../../rules/permissions.ts'
import type { Db, Trx } from '../connect.ts'
import type { Database } from '../schema.ts'

export type PersonRow = Selectable<Database['person']>
export type Membership = { organisationId: string; organisation: string; role: MemberRole; mayReveal: boolean }

export async function findPersonByEmail(db: Db, email: string): Promise<PersonRow | undefined> {
  return db.selectFrom('person').selectAll().where('email', '=', email).executeTakeFirst()
}

export async function findPerson(db: Db, personId: string): Promise<PersonRow | undefined> {
  return db.selectFrom('person').selectAll().where('id', '=', personId).executeTakeFirst()
}

/** The organisations a person belongs to, the oldest membership first. */
export async function findMemberships(db: Db, personId: string): Promise<Membership[]> {
  return db
    .selectFrom('membership')
    .innerJoin('organisation', 'organisation.id', 'membership.organisationId')
    .select(['organisation.id as organisationId', 'organisation.name as organisation'])
    .select(['membership.role', 'membership.mayReveal'])
    .where('membership.personId', '=', personId)
    .orderBy('membership.createdAt')
    .orderBy('organisation.id')
    .execute()
}

/** Somebody who can sign in, with the role that they have there. */
export type EnrolledPerson = {
  personId: string
  email: string
  name: string
  timeZone: string
  role: Role
  mayReveal: boolean
}

/** The members of an organisation who can sign in. */
export async function findMembers(db: Db, organisationId: string): Promise<EnrolledPerson[]> {
  return db
    .selectFrom('membership')
    .innerJoin('person', 'person.id', 'membership.personId')
    .select([
      'person.id as personId',
      'person.email',
      'person.name',
      'person.timeZone',
      'membership.role',
      'membership.mayReveal',
    ])
    .where('membership.organisationId', '=', organisationId)
    .where('person.disabledAt', 'is', null)
    .where('person.passwordHash', 'is not', null)
    .orderBy('person.id')
    .execute()
}

/** The staff, each with the organisations they belong to as well. */
export async function findStaff(db: Db): Promise<(EnrolledPerson & { organisationIds: string[] })[]> {
  const staff = await db
    .selectFrom('person')
    .select(['id as personId', 'email', 'name', 'timeZone', 'staffRole'])
    .where('staffRole', 'is not', null)
    .where('disabledAt', 'is', null)
    .where('passwordHash', 'is not', null)
    .orderBy('id')
    .execute()
  const ids = staff.map((person) => person.personId)
  if (ids.length === 0) return []
  const memberships = await db.selectFrom('membership').selectAll().where('personId', 'in', ids).execute()
  return staff.map(({ staffRole, ...person }) => ({
    ...person,
    role: staffRole ?? 'agent',
    mayReveal: false,
    organisationIds: memberships.filter((row) => row.personId === person.personId).map((row) => row.organisationId),
  }))
}

/** The person with this address, locked; made without a password when there is none. */
export async function lockOrMakePerson(
  trx: Trx,
  person: { id: string; email: string; name: string; createdAt: Date },
): Promise<PersonRow> {
  await trx
    .insertInto('person')
    .values(person)
    .onConflict((conflict) => conflict.column('email').doNothing())
    .execute()
  return trx
    .selectFrom('person')
    .selectAll()
    .where('email', '=', person.email)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow()
}

/** Rows that refer to the person may still be written: a filing does so while it holds the audit head that a lock of the account waits for. */
export async function lockPerson(trx: Trx, personId: string): Promise<PersonRow> {
  return trx.selectFrom('person').selectAll().where('id', '=', personId).forNoKeyUpdate().executeTakeFirstOrThrow()
}

/** Held by whoever changes who runs the desk, so that two can't become its first admin at the same moment. */
export async function lockDesk(trx: Trx): Promise<void> {
  await trx.selectFrom('policy').select('only').forUpdate().executeTakeFirstOrThrow()
}

/** Whether somebody can sign in as staff admin. */
export async function findWhetherAdminExists(db: Db): Promise<boolean> {
  const admin = await db
    .selectFrom('person')
    .select('id')
    .where('staffRole', '=', 'admin')
    .where('codeSeed', 'is not', null)
    .where('disabledAt', 'is', null)
    .executeTakeFirst()
  return admin !== undefined
}

/** Locks somebody's membership; a role or right in it can't change meanwhile. */
export async function lockMembership(trx: Trx, organisationId: string, personId: string) {
  return trx
    .selectFrom('membership')
    .selectAll()
    .where('organisationId', '=', organisationId)
    .where('personId', '=', personId)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

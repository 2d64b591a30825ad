import type { AccountChanges } from '../../rules/hold.ts'
import type { Db, Trx } from '../connect.ts'

/** An owner who can sign in, with what a hold of theirs rests on. */
export type Owner = AccountChanges & { personId: string; name: string; email: string; timeZone: string }

function selectOwners(db: Db, organisationId: string) {
  return db
    .selectFrom('person')
    .innerJoin('membership', 'membership.personId', 'person.id')
    .select(['person.id as personId', 'person.name', 'person.email', 'person.timeZone'])
    .select(['person.passwordChangedAt', 'person.codeChangedAt', 'person.emailChangedAt'])
    .where('membership.organisationId', '=', organisationId)
    .where('membership.role', '=', 'owner')
    .where('person.passwordHash', 'is not', null)
    .where('person.disabledAt', 'is', null)
}

/** The owners of an organisation who can sign in, by name. */
export async function findOwners(db: Db, organisationId: string): Promise<Owner[]> {
  return selectOwners(db, organisationId).orderBy('person.name').orderBy('person.id').execute()
}

/**
 * An owner of the organisation, so held that neither the account nor the role changes until the commit; any number may hold it at once.
 * Undefined when this person is no owner of it, or can't sign in.
 */
export async function lockOwner(trx: Trx, organisationId: string, personId: string): Promise<Owner | undefined> {
  return selectOwners(trx, organisationId).where('person.id', '=', personId).forShare().executeTakeFirst()
}

/** The owner for whom the desk files what it files by itself: the one who has been there longest, so held. Undefined where nobody is left. */
export async function lockFirstOwner(trx: Trx, organisationId: string): Promise<Owner | undefined> {
  return selectOwners(trx, organisationId)
    .orderBy('membership.createdAt')
    .orderBy('person.id')
    .limit(1)
    .forShare()
    .executeTakeFirst()
}

/** A person's own account so held, with what a hold rests on. */
export async function lockAccount(trx: Trx, personId: string): Promise<AccountChanges & { timeZone: string }> {
  return trx
    .selectFrom('person')
    .select(['timeZone', 'passwordChangedAt', 'codeChangedAt', 'emailChangedAt'])
    .where('id', '=', personId)
    .forShare()
    .executeTakeFirstOrThrow()
}

/** The same without holding it, for telling people before they begin. */
export async function findAccountChanges(db: Db, personId: string): Promise<AccountChanges> {
  return db
    .selectFrom('person')
    .select(['passwordChangedAt', 'codeChangedAt', 'emailChangedAt'])
    .where('id', '=', personId)
    .executeTakeFirstOrThrow()
}

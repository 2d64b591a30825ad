import type { DependantType } from '../../rules/keys/dependants.ts'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import { Refusal } from '../../rules/refusals.ts'
import type { Db, Trx } from '../connect.ts'
import { decodeCursor, ID, type Page, toPage } from '../cursor.ts'

/** Something that is bound to a key and feels what is done to that. */
export type DependantView = {
  id: string
  keyId: string
  type: DependantType
  name: string
  /** It must hold the very key, so that it has to be given each new one. */
  exactKey: boolean
  createdAt: Date
}

/** A key as its page and letters about it name it. */
export type NamedKey = {
  id: string
  organisationId: string
  organisation: string
  name: string
  kind: KeyKind
  service: string
  environment: Environment
}

type Owner = { organisationId: string | null }

function selectKey(db: Db, { organisationId }: Owner, keyId: string) {
  const query = db
    .selectFrom('key')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .innerJoin('organisation', 'organisation.id', 'key.organisationId')
    .select(['key.id', 'key.organisationId', 'organisation.name as organisation', 'key.name', 'key.kind'])
    .select(['service.name as service', 'service.environment'])
    .where('key.id', '=', keyId)
    .where('key.deletedAt', 'is', null)
    .where('service.deletedAt', 'is', null)
  return organisationId === null ? query : query.where('key.organisationId', '=', organisationId)
}

/** A living key that the viewer may see. Refuses NOT_FOUND. */
export async function findNamedKey(db: Db, viewer: Owner, keyId: string): Promise<NamedKey> {
  const key = await selectKey(db, viewer, keyId).executeTakeFirst()
  if (key === undefined) throw new Refusal('NOT_FOUND')
  return key
}

/** The same, held so that it is neither rotated nor deleted until the commit. Refuses NOT_FOUND. */
export async function lockNamedKey(trx: Trx, owner: Owner, keyId: string): Promise<NamedKey> {
  const key = await selectKey(trx, owner, keyId).forNoKeyUpdate('key').executeTakeFirst()
  if (key === undefined) throw new Refusal('NOT_FOUND')
  return key
}

function selectDependants(db: Db) {
  return db
    .selectFrom('dependant')
    .select(['id', 'keyId', 'type', 'name', 'exactKey', 'createdAt'])
    .where('removedAt', 'is', null)
    .orderBy('id')
}

/** What depends on keys, in the order in which it was registered; callers look whose keys they are. */
export async function findDependants(db: Db, keyIds: readonly string[]): Promise<DependantView[]> {
  if (keyIds.length === 0) return []
  return selectDependants(db).where('keyId', 'in', keyIds).execute()
}

/** One of them, if it is there. */
export async function findDependant(db: Db, id: string): Promise<DependantView | undefined> {
  return selectDependants(db).where('id', '=', id).executeTakeFirst()
}

/** A page of what depends on one key. Refuses INVALID_REQUEST for a cursor that isn't ours. */
export async function findDependantPage(
  db: Db,
  keyId: string,
  filter: { cursor?: string | undefined; limit: number },
): Promise<Page<DependantView>> {
  const [after = ''] = filter.cursor === undefined ? [] : decodeCursor(filter.cursor, [ID])
  const rows = await selectDependants(db)
    .where('keyId', '=', keyId)
    .where('id', '>', after)
    .limit(filter.limit + 1)
    .execute()
  return toPage(rows, filter.limit, (row) => [row.id])
}

import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockNamedKey, type NamedKey } from '../../database/dependants/dependants.ts'
import { newId } from '../../database/ids.ts'
import { isUniqueViolation } from '../../database/violations.ts'
import { type DependantType, holdsExactKey, MAX_DEPENDANTS } from '../../rules/keys/dependants.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { checkedName } from '../../rules/text/names.ts'
import { makeTasks } from './make-tasks.ts'
import { tellOfDependants } from './tell.ts'

export type NewDependant = {
  type: DependantType
  name: string
  /** Left out: as things of its type do. */
  exactKey?: boolean | undefined
}

async function refuseTooMany(trx: Trx, keyId: string): Promise<void> {
  const there = await trx
    .selectFrom('dependant')
    .select((is) => is.fn.countAll<string>().as('count'))
    .where('keyId', '=', keyId)
    .where('removedAt', 'is', null)
    .executeTakeFirstOrThrow()
  if (Number(there.count) < MAX_DEPENDANTS) return
  const message = `A key can have ${MAX_DEPENDANTS} dependants. Remove one that is not there any more.`
  throw new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/name', message }] })
}

/** The key's running overlap: what is registered now may hold the old key still. */
async function findRunningItem(trx: Trx, key: NamedKey): Promise<string | undefined> {
  const item = await trx
    .selectFrom('item')
    .select('id')
    .where('keyId', '=', key.id)
    .where('status', '=', 'overlap')
    .executeTakeFirst()
  return item?.id
}

/**
 * Registers what depends on a key of the actor's organisation. What must hold the very key becomes a task of each rotation that makes the
 * key a new version, also of one whose overlap runs. Refuses NOT_ALLOWED, NOT_FOUND, NAME_TAKEN (the key has one of that type and name)
 * and INVALID_REQUEST.
 */
export async function addDependant(
  db: Db,
  actor: PersonActor,
  keyId: string,
  input: NewDependant,
): Promise<{ id: string }> {
  requireRole(actor, 'dependants.manage')
  const name = checkedName(input.name)
  const { type, exactKey = holdsExactKey(type) } = input
  const id = newId('dependant')
  return db.transaction().execute(async (trx) => {
    const key = await lockNamedKey(trx, actor, keyId)
    await refuseTooMany(trx, keyId)
    const at = await clock(trx)
    const { organisationId } = key
    const row = { id, keyId, organisationId, type, name, exactKey, createdAt: at, createdBy: actor.personId }
    await trx
      .insertInto('dependant')
      .values(row)
      .execute()
      .catch((error: unknown) => {
        throw isUniqueViolation(error, 'dependant_name') ? new Refusal('NAME_TAKEN') : error
      })
    const itemId = await findRunningItem(trx, key)
    if (itemId !== undefined) await makeTasks(trx, itemId, keyId, at)
    await tellOfDependants(trx, actor, key, at)
    const facts = { dependant: id, key: keyId, type, name, exactKey }
    await recordAudit(trx, organisationId, at, { action: 'dependant.add', actor, facts })
    return { id }
  })
}

import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { findDependant, lockNamedKey } from '../../database/dependants/dependants.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { tellOfDependants } from './tell.ts'

/** Strikes a dependant off its key's list; unfinished tasks about it are gone with it. Refuses NOT_ALLOWED, and NOT_FOUND also when it is removed already. */
export async function removeDependant(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'dependants.manage')
  await db.transaction().execute(async (trx) => {
    const found = await findDependant(trx, id)
    if (found === undefined) throw new Refusal('NOT_FOUND')
    const key = await lockNamedKey(trx, actor, found.keyId)
    const at = await clock(trx)
    const removed = await trx
      .updateTable('dependant')
      .set({ removedAt: at })
      .where('id', '=', id)
      .where('removedAt', 'is', null)
      .executeTakeFirst()
    if (removed.numUpdatedRows === 0n) throw new Refusal('NOT_FOUND')
    await tellOfDependants(trx, actor, key, at)
    const facts = { dependant: id, key: key.id, type: found.type, name: found.name }
    await recordAudit(trx, key.organisationId, at, { action: 'dependant.remove', actor, facts })
  })
}

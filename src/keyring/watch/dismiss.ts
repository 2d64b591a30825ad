import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'

/**
 * Says that something suspicious is harmless: it leaves the list, and the very same is not raised again (a burst of refusals not within a
 * day). Refuses NOT_FOUND; repeated, it changes and records nothing.
 */
export async function dismissSuspicion(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'suspicions.dismiss')
  await db.transaction().execute(async (trx) => {
    const found = await trx
      .selectFrom('suspicion')
      .select(['organisationId', 'keyId', 'dismissedAt'])
      .where('id', '=', id)
      .where('organisationId', '=', actor.organisationId)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (found === undefined) throw new Refusal('NOT_FOUND')
    if (found.dismissedAt !== null) return
    const at = await clock(trx)
    const dismissal = { dismissedAt: at, dismissedBy: actor.personId }
    await trx.updateTable('suspicion').set(dismissal).where('id', '=', id).execute()
    const facts = { suspicion: id, key: found.keyId }
    await recordAudit(trx, found.organisationId, at, { action: 'suspicion.dismiss', actor, facts })
  })
}

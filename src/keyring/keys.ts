import { recordAudit } from '../database/audit/append.ts'
import { clock, type Db } from '../database/connect.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'

/** Enables or disables a key at once, all its versions with it. Refuses NOT_FOUND; repeated, it changes and records nothing. */
export async function setKeyEnabled(db: Db, actor: PersonActor, keyId: string, enabled: boolean): Promise<void> {
  requireRole(actor, 'keys.manage')
  await db.transaction().execute(async (trx) => {
    const key = await trx
      .selectFrom('key')
      .select(['id', 'enabled', 'organisationId'])
      .where('id', '=', keyId)
      .where('organisationId', '=', actor.organisationId)
      .where('deletedAt', 'is', null)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (key === undefined) throw new Refusal('NOT_FOUND')
    if (key.enabled === enabled) return
    const at = await clock(trx)
    await trx.updateTable('key').set({ enabled }).where('id', '=', keyId).execute()
    const action = enabled ? 'key.enable' : 'key.disable'
    await recordAudit(trx, key.organisationId, at, { action, actor, facts: { key: keyId } })
  })
}

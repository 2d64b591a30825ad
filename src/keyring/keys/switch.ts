import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { lockKey } from '../../database/keys/lock-key.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { mailAboutKey, sendKeyEvent } from './told.ts'

/**
 * Enables or disables a key at once, all its versions with it; the ends that a running rotation has set stay. Everybody who may view it is
 * told. Refuses NOT_FOUND; repeated, it changes, records and mails nothing.
 */
export async function setKeyEnabled(db: Db, actor: PersonActor, keyId: string, enabled: boolean): Promise<void> {
  requireRole(actor, 'keys.manage')
  await db.transaction().execute(async (trx) => {
    const key = await lockKey(trx, actor.organisationId, keyId)
    if (key.enabled === enabled) return
    const at = await clock(trx)
    await trx.updateTable('key').set({ enabled }).where('id', '=', keyId).execute()
    const action = enabled ? 'key.enable' : 'key.disable'
    const position = await recordAudit(trx, key.organisationId, at, { action, actor, facts: { key: keyId } })
    await mailAboutKey(trx, enabled ? 'key_enabled' : 'key_disabled', { actor, at, key }, position)
    await sendKeyEvent(trx, enabled ? 'key.enabled' : 'key.disabled', key, at, position)
  })
}

import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockKey } from '../../database/keys/lock-key.ts'
import type { KeyInService } from '../../database/rotations/locks.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { mailAboutKey, sendKeyEvent } from './told.ts'

/** Writes and records the switch of a key that the caller holds. Null when it stands so already. */
export async function writeSwitch(trx: Trx, actor: PersonActor, key: KeyInService, enabled: boolean, at: Date) {
  if (key.enabled === enabled) return null
  await trx.updateTable('key').set({ enabled }).where('id', '=', key.id).execute()
  const action = enabled ? 'key.enable' : 'key.disable'
  const position = await recordAudit(trx, key.organisationId, at, { action, actor, facts: { key: key.id } })
  await sendKeyEvent(trx, enabled ? 'key.enabled' : 'key.disabled', key, at, position)
  return position
}

/**
 * Enables or disables a key at once, all its versions with it; the ends that a running rotation has set stay. Everybody who may view it is
 * told. Refuses NOT_FOUND; repeated, it changes, records and mails nothing.
 */
export async function setKeyEnabled(db: Db, actor: PersonActor, keyId: string, enabled: boolean): Promise<void> {
  requireRole(actor, 'keys.manage')
  await db.transaction().execute(async (trx) => {
    const key = await lockKey(trx, actor.organisationId, keyId)
    const at = await clock(trx)
    const position = await writeSwitch(trx, actor, key, enabled, at)
    if (position === null) return
    await mailAboutKey(trx, enabled ? 'key_enabled' : 'key_disabled', { actor, at, key }, position)
  })
}

import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockKey } from '../../database/keys/lock-key.ts'
import type { KeyInService } from '../../database/rotations/locks.ts'
import {
  changedFields,
  checkedFields,
  fieldLines,
  type GivenFields,
  type KeyFields,
} from '../../rules/keys/key-fields.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { registerDatasets } from './datasets.ts'
import { mailAboutKey, sendKeyEvent } from './told.ts'

/** What was changed as the trail keeps it: each field before and after. */
function factsOf(names: readonly (keyof KeyFields)[], before: KeyFields, after: KeyFields) {
  return Object.fromEntries(
    names.flatMap((name) => [
      [`${name}Before`, before[name]],
      [`${name}After`, after[name]],
    ]),
  )
}

/** Writes and records an edit of a key that the caller holds, `wanted` as the rules cleaned it. Null when it changes nothing. */
export async function writeEdit(trx: Trx, actor: PersonActor, key: KeyInService, wanted: Partial<KeyFields>, at: Date) {
  const names = changedFields(key, wanted)
  if (names.length === 0) return null
  const after: KeyFields = { ...key, ...wanted }
  const { name, description, permission, ipRanges, datasets } = after
  const stored = { name, description, permission, ipRanges: [...ipRanges], datasets: [...datasets] }
  await registerDatasets(trx, { id: key.serviceId, organisationId: key.organisationId }, wanted.datasets ?? [], at)
  await trx.updateTable('key').set(stored).where('id', '=', key.id).execute()
  const facts = { key: key.id, ...factsOf(names, key, after) }
  const position = await recordAudit(trx, key.organisationId, at, { action: 'key.edit', actor, facts })
  await sendKeyEvent(trx, 'key.edited', key, at, position, { fields: names })
  return { names, after, position }
}

/**
 * Changes what a key is called, may do, and from where: for all its versions at once, so during an overlap for the old and the new one.
 * What isn't given stays. Everybody who may view it is told what changed. Refuses NOT_FOUND and INVALID_REQUEST; what changes nothing
 * records and mails nothing.
 */
export async function editKey(db: Db, actor: PersonActor, keyId: string, edit: GivenFields): Promise<void> {
  requireRole(actor, 'keys.manage')
  const wanted = checkedFields(edit)
  await db.transaction().execute(async (trx) => {
    const key = await lockKey(trx, actor.organisationId, keyId)
    const at = await clock(trx)
    const written = await writeEdit(trx, actor, key, wanted, at)
    if (written === null) return
    const details = fieldLines(written.names, written.after, key)
    await mailAboutKey(trx, 'key_edited', { actor, at, key, details }, written.position)
  })
}

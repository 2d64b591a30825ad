import { recordAudit } from '../database/audit/append.ts'
import { clock, type Db, type Trx } from '../database/connect.ts'
import { isAccepted } from '../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import type { Sealer } from '../secrets/sealing.ts'
import { versionBinding } from './make-version.ts'

async function mayReveal(trx: Trx, actor: PersonActor): Promise<boolean> {
  if (actor.role === 'owner') return true
  if (actor.role !== 'developer') return false
  const membership = await trx
    .selectFrom('membership')
    .select('mayReveal')
    .where('personId', '=', actor.personId)
    .where('organisationId', '=', actor.organisationId)
    .executeTakeFirst()
  return membership?.mayReveal === true
}

/**
 * Shows a version's secret, once: its ciphertext is gone when the secret is answered. Refuses NOT_FOUND, NOT_ALLOWED (a developer
 * whom no owner allowed), ALREADY_REVEALED, ILLEGAL_MOVE (the version has ended), SECRET_UNAVAILABLE (the master key isn't held; nothing is lost).
 */
export async function revealVersion(
  db: Db,
  sealer: Sealer,
  actor: PersonActor,
  versionId: string,
): Promise<{ secret: string }> {
  requireRole(actor, 'versions.reveal')
  return db.transaction().execute(async (trx) => {
    const version = await trx
      .selectFrom('version')
      .selectAll()
      .where('id', '=', versionId)
      .where('organisationId', '=', actor.organisationId)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (version === undefined) throw new Refusal('NOT_FOUND')
    if (!(await mayReveal(trx, actor))) throw new Refusal('NOT_ALLOWED')
    if (version.rolledBackAt !== null) {
      throw new Refusal('ILLEGAL_MOVE', { detail: 'This new key was rolled back and is deleted.' })
    }
    if (version.sealed === null || version.sealedKeyId === null) throw new Refusal('ALREADY_REVEALED')
    const at = await clock(trx)
    if (!isAccepted(version, at)) throw new Refusal('ILLEGAL_MOVE', { detail: 'This version of the key has ended.' })
    const bound = versionBinding(version.organisationId, version.keyId, version.id)
    const secret = sealer.open({ sealed: version.sealed, keyId: version.sealedKeyId }, bound)
    if (secret === null) throw new Refusal('SECRET_UNAVAILABLE')
    await trx
      .updateTable('version')
      .set({ sealed: null, sealedKeyId: null, revealedAt: at, revealedBy: actor.personId })
      .where('id', '=', versionId)
      .execute()
    const item = await trx
      .selectFrom('item')
      .select('rotationRef')
      .where('newVersionId', '=', versionId)
      .executeTakeFirst()
    const about = item === undefined ? {} : { rotation: item.rotationRef }
    const facts = { version: versionId, key: version.keyId }
    await recordAudit(trx, version.organisationId, at, { action: 'version.reveal', actor, ...about, facts })
    return { secret }
  })
}

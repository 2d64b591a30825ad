import { clock, type Db } from '../../database/connect.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { type PersonActor, requireRole, roleMay } from '../../rules/permissions.ts'
import { coolingOffSeconds, mayObject } from '../../rules/recovery.ts'
import { Refusal } from '../../rules/refusals.ts'
import { severalLines } from '../../rules/text/foreign-text.ts'
import { countLeaders, lockCase, recordCase, refuseOwn, refuseUnlessTrue } from './case.ts'
import { tellContacts } from './told.ts'

const MAX_REASON_LENGTH = 1_000

/**
 * The second agent's word on a case. From it the cooling-off counts, 24 hours or 72, and everybody of the organisation is told at
 * once. Refuses NOT_ALLOWED, NOT_FOUND, OWN_CASE (the opener, or one of that organisation) and ILLEGAL_MOVE.
 */
export async function confirmRecoveryCase(db: Db, actor: PersonActor, id: string): Promise<{ notBefore: Date }> {
  requireRole(actor, 'recovery.manage')
  return db.transaction().execute(async (trx) => {
    const recovery = await lockCase(trx, id, 'confirm')
    await refuseOwn(trx, actor, recovery, 'confirm')
    await refuseUnlessTrue(trx, recovery)
    const others = await countLeaders(trx, recovery.organisationId, recovery.personId)
    const at = await clock(trx)
    const notBefore = new Date(at.getTime() + coolingOffSeconds(others) * 1000)
    await trx
      .updateTable('recoveryCase')
      .set({ status: 'confirmed', confirmedBy: actor.personId, confirmedAt: at, notBefore })
      .where('id', '=', id)
      .execute()
    const facts = { notBefore: notBefore.toISOString() }
    await recordCase(trx, recovery, { action: 'recovery.confirm', actor, at, facts })
    await tellContacts(trx, recovery, { notice: 'recovery_confirmed', who: actor.name, at })
    return { notBefore }
  })
}

/**
 * Ends a case that isn't carried out yet: anybody of the staff, the person it is about, the owners of the organisation, or, where it
 * has none, its members. Refuses NOT_ALLOWED, NOT_FOUND (another organisation's), ILLEGAL_MOVE, CONTAINS_SECRET, and INVALID_REQUEST
 * without a reason.
 */
export async function refuseRecoveryCase(db: Db, actor: PersonActor, id: string, reason: string): Promise<void> {
  const text = severalLines(reason).slice(0, MAX_REASON_LENGTH)
  refuseSecret('/reason', text)
  await db.transaction().execute(async (trx) => {
    const found = await trx.selectFrom('recoveryCase').selectAll().where('id', '=', id).executeTakeFirst()
    if (found === undefined || foreignTo(actor, found.organisationId)) throw new Refusal('NOT_FOUND')
    const owners = await countLeaders(trx, found.organisationId, null)
    if (!roleMay(actor.role, 'recovery.manage') && !mayObject(actor, found, owners)) throw new Refusal('NOT_ALLOWED')
    if (text === '') {
      throw new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/reason', message: 'Say why it must not go on.' }] })
    }
    const recovery = await lockCase(trx, id, 'refuse')
    const at = await clock(trx)
    await trx
      .updateTable('recoveryCase')
      .set({ status: 'refused', closedBy: actor.personId, closedAt: at, reason: text })
      .where('id', '=', id)
      .execute()
    await recordCase(trx, recovery, { action: 'recovery.refuse', actor, at })
    await tellContacts(trx, recovery, { notice: 'recovery_refused', who: actor.name, at })
  })
}

function foreignTo(actor: PersonActor, organisationId: string | null): boolean {
  return actor.organisationId !== null && actor.organisationId !== organisationId
}

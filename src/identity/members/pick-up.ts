import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { lockMembership } from '../../database/people/people.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { refuseHeldGiver } from './hold.ts'

/**
 * Lets a developer of the actor's organisation pick up new keys, or no longer; it counts from the next call on. Refuses
 * NOT_ALLOWED, ON_HOLD for allowing it, and NOT_FOUND for whoever is no developer there. Repeated, it changes and records nothing.
 */
export async function setMayReveal(db: Db, actor: PersonActor, personId: string, mayReveal: boolean): Promise<void> {
  requireRole(actor, 'members.allowPickUp')
  const { organisationId } = actor
  if (organisationId === null) throw new Refusal('NOT_ALLOWED')
  await db.transaction().execute(async (trx) => {
    if (mayReveal) await refuseHeldGiver(trx, actor, 'letting somebody pick up keys')
    const membership = await lockMembership(trx, organisationId, personId)
    if (membership?.role !== 'developer') throw new Refusal('NOT_FOUND')
    if (membership.mayReveal === mayReveal) return
    const at = await clock(trx)
    await trx
      .updateTable('membership')
      .set({ mayReveal })
      .where('personId', '=', personId)
      .where('organisationId', '=', organisationId)
      .execute()
    const action = mayReveal ? 'member.allow_pick_up' : 'member.forbid_pick_up'
    await recordAudit(trx, organisationId, at, { action, actor, facts: { person: personId } })
  })
}

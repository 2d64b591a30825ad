import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { isLastOne } from '../../rules/members.ts'
import { type MemberRole, type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { endStepUps } from './access.ts'
import { refuseHeldGiver } from './hold.ts'
import { lockMember, type MemberPlace } from './place.ts'
import { proposeRotation } from './propose.ts'
import { tellConcerned } from './told.ts'

/** Why a staff admin makes nobody an owner: alone they would be a way around the two agents and the cooling-off. */
export const OWNERS_MAKE_OWNERS =
  'An owner of the organisation makes owners. Where none is left, a recovery case does, with a second agent and a cooling-off.'

/**
 * Gives a member another role, which counts from their next call on. Owners do it, and staff admins, who make nobody an owner.
 * Refuses NOT_ALLOWED, NOT_FOUND for whoever is no member there, LAST_OWNER, and ON_HOLD for a new owner. Repeated, it changes and records nothing.
 */
export async function changeMemberRole(
  db: Db,
  actor: PersonActor,
  whose: MemberPlace,
  role: MemberRole,
): Promise<void> {
  requireRole(actor, 'members.manage')
  await db.transaction().execute(async (trx) => {
    if (role === 'owner') await refuseHeldGiver(trx, actor, 'making somebody an owner')
    const { members, member, place } = await lockMember(trx, actor, whose)
    if (member.role === role) return
    if (role === 'owner' && actor.organisationId === null) {
      throw new Refusal('NOT_ALLOWED', { detail: OWNERS_MAKE_OWNERS })
    }
    if (isLastOne(members, member.personId, 'owner')) throw new Refusal('LAST_OWNER')
    const at = await clock(trx)
    await trx
      .updateTable('membership')
      .set({ role, mayReveal: false })
      .where('personId', '=', member.personId)
      .where('organisationId', '=', place.organisationId)
      .execute()
    await endStepUps(trx, member.personId)
    if (role === 'viewer') await proposeRotation(trx, { place, person: member, cause: 'role_changed', at })
    const entry = await recordAudit(trx, place.organisationId, at, {
      action: 'member.change_role',
      actor,
      facts: { person: member.personId, from: member.role, to: role },
    })
    await tellConcerned(trx, place, { notice: 'role_changed', person: member, who: actor.name, at, entry })
  })
}

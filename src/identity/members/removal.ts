import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { isLastOne } from '../../rules/members.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { endAccess } from './access.ts'
import { lockMember, type MemberPlace } from './place.ts'
import { proposeRotation } from './propose.ts'
import { tellConcerned } from './told.ts'

/**
 * Takes a member out of an organisation and ends their sessions and tokens there at once; elsewhere they stay what they are.
 * What they filed goes on, and any owner looks after it. Owners do it, themselves included, and staff admins. Refuses NOT_ALLOWED,
 * NOT_FOUND for whoever is no member there, and LAST_OWNER.
 */
export async function removeMember(db: Db, actor: PersonActor, whose: MemberPlace): Promise<void> {
  requireRole(actor, 'members.manage')
  await db.transaction().execute(async (trx) => {
    const { members, member, place } = await lockMember(trx, actor, whose)
    if (isLastOne(members, member.personId, 'owner')) throw new Refusal('LAST_OWNER')
    const at = await clock(trx)
    const { organisationId } = place
    await trx
      .deleteFrom('membership')
      .where('personId', '=', member.personId)
      .where('organisationId', '=', organisationId)
      .execute()
    await endAccess(trx, member.personId, { organisationId }, at)
    await proposeRotation(trx, { place, person: member, cause: 'member_removed', at })
    const entry = await recordAudit(trx, organisationId, at, {
      action: 'member.remove',
      actor,
      facts: { person: member.personId, role: member.role },
    })
    await tellConcerned(trx, place, { notice: 'member_removed', person: member, who: actor.name, at, entry })
  })
}

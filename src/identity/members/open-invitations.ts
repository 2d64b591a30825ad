import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findOrganisation } from '../../database/people/organisations.ts'
import { lockPerson } from '../../database/people/people.ts'
import { type Action, type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { spendInvitation } from '../limits.ts'
import { inviteAgain } from './invite.ts'

/** Owners look after the invitations of their organisation, admins after those of all and of the staff. */
function actionFor(organisationId: string | null): Action {
  return organisationId === null ? 'staff.manage' : 'members.manage'
}

function nounOf({ organisationId }: { organisationId: string | null }): string {
  return organisationId === null ? 'staff' : 'member'
}

/**
 * The invitation, its person locked first as whoever accepts it does, so that of accepting, sending again and withdrawing one comes
 * first. Refuses NOT_FOUND what is accepted, withdrawn or another organisation's, and NOT_ALLOWED.
 */
async function lockInvitation(trx: Trx, actor: PersonActor, id: string) {
  const found = await trx.selectFrom('invitation').selectAll().where('id', '=', id).executeTakeFirst()
  const foreign = actor.organisationId !== null && actor.organisationId !== found?.organisationId
  if (found === undefined || foreign) throw new Refusal('NOT_FOUND')
  requireRole(actor, actionFor(found.organisationId))
  const person = await lockPerson(trx, found.personId)
  const invitation = await trx.selectFrom('invitation').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
  if (invitation === undefined || invitation.acceptedAt !== null) throw new Refusal('NOT_FOUND')
  const { organisationId } = invitation
  const organisation = organisationId === null ? undefined : await findOrganisation(trx, organisationId)
  return { invitation, person, organisation: organisation?.name ?? null }
}

/**
 * Sends an invitation that wasn't accepted once more, also one that has run out: with a new link, good for 7 days; the one before is
 * void. Refuses NOT_ALLOWED, NOT_FOUND, or TOO_MANY_REQUESTS for more than 50 within an hour.
 */
export async function resendInvitation(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'members.manage')
  await spendInvitation(db, actor.personId)
  await db.transaction().execute(async (trx) => {
    const { invitation, person, organisation } = await lockInvitation(trx, actor, id)
    await inviteAgain(trx, person, invitation, { organisation, by: actor.name })
    await recordAudit(trx, invitation.organisationId ?? DESK_CHAIN, await clock(trx), {
      action: `${nounOf(invitation)}.invite_again`,
      actor,
      facts: { person: person.id, role: invitation.role },
    })
  })
}

/** Makes an invitation void before it is accepted. Refuses NOT_ALLOWED and NOT_FOUND. */
export async function withdrawInvitation(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'members.manage')
  await db.transaction().execute(async (trx) => {
    const { invitation, person } = await lockInvitation(trx, actor, id)
    await trx.deleteFrom('invitation').where('id', '=', id).execute()
    await recordAudit(trx, invitation.organisationId ?? DESK_CHAIN, await clock(trx), {
      action: `${nounOf(invitation)}.withdraw_invitation`,
      actor,
      facts: { person: person.id, role: invitation.role },
    })
  })
}

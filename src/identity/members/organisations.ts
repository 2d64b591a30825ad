import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { findWhetherEverJoined } from '../../database/people/memberships.ts'
import { findOrganisation } from '../../database/people/organisations.ts'
import { type MemberRole, type PersonActor, requireRole, type StaffRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { checkedName } from '../../rules/text/names.ts'
import { spendInvitation } from '../limits.ts'
import { refuseHeldGiver } from './hold.ts'
import { cleanInvitee, type Invitee, invite } from './invite.ts'
import { OWNERS_MAKE_OWNERS } from './roles.ts'

/**
 * Makes an organisation and invites its first owner by mail. Staff admins only; refuses with `NOT_ALLOWED` or
 * `INVALID_REQUEST`.
 */
export async function createOrganisation(
  db: Db,
  actor: PersonActor,
  input: { name: string; owner: Invitee },
): Promise<{ id: string }> {
  requireRole(actor, 'organisations.manage')
  const name = checkedName(input.name)
  const owner = cleanInvitee(input.owner, '/owner')
  const id = newId('organisation')
  return db.transaction().execute(async (trx) => {
    const at = await clock(trx)
    await trx.insertInto('organisation').values({ id, name, createdAt: at }).execute()
    const { personId } = await invite(trx, owner, {
      organisationId: id,
      organisation: name,
      role: 'owner',
      by: actor.name,
    })
    await recordAudit(trx, id, at, { action: 'organisation.create', actor, facts: { organisation: id, name } })
    await recordAudit(trx, id, at, { action: 'member.invite', actor, facts: { person: personId, role: 'owner' } })
    return { id }
  })
}

/**
 * Invites a person to an organisation: its owners, or a staff admin, who invites an owner only where nobody has ever joined. Refuses with `NOT_ALLOWED`, `NOT_FOUND` for an
 * organisation that isn't the actor's, `ON_HOLD` for a new owner, `ALREADY_MEMBER`, `INVALID_REQUEST`, or `TOO_MANY_REQUESTS` for more than 50 within
 * an hour.
 */
export async function inviteMember(
  db: Db,
  actor: PersonActor,
  input: Invitee & { organisationId: string; role: MemberRole },
): Promise<void> {
  requireRole(actor, 'members.manage')
  const { organisationId, role } = input
  if (actor.organisationId !== null && actor.organisationId !== organisationId) throw new Refusal('NOT_FOUND')
  const invitee = cleanInvitee(input)
  await spendInvitation(db, actor.personId)
  await db.transaction().execute(async (trx) => {
    if (role === 'owner') await refuseHeldGiver(trx, actor, 'inviting an owner')
    const organisation = await findOrganisation(trx, organisationId)
    if (organisation === undefined) throw new Refusal('NOT_FOUND')
    await refuseOwnerByStaff(trx, actor, organisationId, role)
    const place = { organisationId, organisation: organisation.name }
    const { personId } = await invite(trx, invitee, { ...place, role, by: actor.name })
    await recordAudit(trx, organisationId, await clock(trx), {
      action: 'member.invite',
      actor,
      facts: { person: personId, role },
    })
  })
}

/** Admins name the first owner; from then on owners name owners. Refuses NOT_ALLOWED. */
async function refuseOwnerByStaff(
  trx: Trx,
  actor: PersonActor,
  organisationId: string,
  role: MemberRole,
): Promise<void> {
  if (role !== 'owner' || actor.organisationId !== null) return
  if (await findWhetherEverJoined(trx, organisationId)) throw new Refusal('NOT_ALLOWED', { detail: OWNERS_MAKE_OWNERS })
}

/**
 * Invites a colleague to the staff. Staff admins only; refuses with `NOT_ALLOWED`, `ALREADY_MEMBER`,
 * `INVALID_REQUEST`, or `TOO_MANY_REQUESTS` for more than 50 within an hour.
 */
export async function inviteStaff(db: Db, actor: PersonActor, input: Invitee & { role: StaffRole }): Promise<void> {
  requireRole(actor, 'staff.manage')
  const { role } = input
  const invitee = cleanInvitee(input)
  await spendInvitation(db, actor.personId)
  await db.transaction().execute(async (trx) => {
    const { personId } = await invite(trx, invitee, { organisationId: null, organisation: null, role, by: actor.name })
    await recordAudit(trx, DESK_CHAIN, await clock(trx), {
      action: 'staff.invite',
      actor,
      facts: { person: personId, role },
    })
  })
}

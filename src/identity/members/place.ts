import type { Trx } from '../../database/connect.ts'
import { lockMemberships } from '../../database/people/memberships.ts'
import { findOrganisation } from '../../database/people/organisations.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'

/** A membership, by whose it is and where. */
export type MemberPlace = { organisationId: string; personId: string }

/**
 * Locks an organisation's memberships and gives one of them with the others. The actor's own is looked at again under the lock,
 * so that of two owners who remove each other at the same moment one stays. Refuses NOT_FOUND and NOT_ALLOWED.
 */
export async function lockMember(trx: Trx, actor: PersonActor, { organisationId, personId }: MemberPlace) {
  if (actor.organisationId !== null && actor.organisationId !== organisationId) throw new Refusal('NOT_FOUND')
  const organisation = await findOrganisation(trx, organisationId)
  const members = await lockMemberships(trx, organisationId)
  const member = members.find((each) => each.personId === personId)
  if (!ownsStill(actor, members)) throw new Refusal('NOT_ALLOWED')
  if (organisation === undefined || member === undefined) throw new Refusal('NOT_FOUND')
  return { members, member, place: { organisationId, organisation: organisation.name } }
}

function ownsStill(actor: PersonActor, members: readonly { personId: string; role: string }[]): boolean {
  if (actor.organisationId === null) return true
  return members.some(({ personId, role }) => personId === actor.personId && role === 'owner')
}

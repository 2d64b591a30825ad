import { findMemberships } from '../../database/people/people.ts'
import { roleMay } from '../../rules/permissions.ts'
import { bearerOf, type WebContext } from '../context.ts'

/** Whether this person may pick new keys up: an owner, or a developer whom an owner allowed. Said before they try. */
export async function mayPickUp(c: WebContext): Promise<boolean> {
  const { actor } = bearerOf(c)
  if (actor.role === 'owner' || !roleMay(actor.role, 'versions.reveal')) return actor.role === 'owner'
  const memberships = await findMemberships(c.get('desk').db, actor.personId)
  return memberships.some((own) => own.organisationId === actor.organisationId && own.mayReveal)
}

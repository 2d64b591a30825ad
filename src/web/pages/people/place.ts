import { findPeople, type ListedPerson } from '../../../database/people/places.ts'
import type { PersonActor } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { actorFor, type WebContext } from '../../context.ts'
import type { Done } from './people.ts'

/** Where the person of this address is looked after: the owner's organisation, or what an admin's address names, else the staff. */
export type Place = { actor: PersonActor; organisationId: string | null; query: string }

export function placeOf(c: WebContext): Place {
  const actor = actorFor(c, 'members.manage')
  if (actor.organisationId !== null) return { actor, organisationId: actor.organisationId, query: '' }
  const named = c.req.query('organisation')
  if (named === undefined) return { actor, organisationId: null, query: '' }
  return { actor, organisationId: named, query: `?organisation=${encodeURIComponent(named)}` }
}

/** Whoever this address names, if they are in that place. */
export async function findInPlace(c: WebContext, place: Place): Promise<ListedPerson | undefined> {
  const people = await findPeople(c.get('desk').db, place.organisationId)
  return people.find(({ personId }) => personId === c.req.param('id'))
}

/** The same. Refuses NOT_FOUND. */
export async function personInPlace(c: WebContext, place: Place): Promise<ListedPerson> {
  const person = await findInPlace(c, place)
  if (person === undefined) throw new Refusal('NOT_FOUND')
  return person
}

/** The list that they stand in, with what was done. */
export function listOf({ actor, organisationId }: Place, done?: Done): string {
  const list =
    actor.organisationId === organisationId || organisationId === null ? '/people' : `/organisations/${organisationId}`
  return done === undefined ? list : `${list}?done=${done}`
}

import type { AuditPosition } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'
import { findContacts, type PlacedPerson } from '../../database/people/memberships.ts'
import { findOrganisation } from '../../database/people/organisations.ts'
import type { PersonRow } from '../../database/people/people.ts'
import type { Notice } from '../../outbox/letters.ts'
import { putNotices } from '../../outbox/notices.ts'

export type ToldPlace = { organisationId: string; organisation: string } | { organisationId: null; organisation: null }

type Told = {
  notice: Notice
  /** Whom it was done to. */
  person: Pick<PlacedPerson, 'personId' | 'name' | 'email' | 'timeZone'>
  /** Null when the desk did it. */
  who: string | null
  at: Date
  /** The audit entry that tells of it, which makes the notice this one. */
  entry: AuditPosition
}

/** Tells the owners of an organisation, or the admins of the desk, what was done to somebody there. */
export async function tellLeaders(trx: Trx, place: ToldPlace, told: Told): Promise<void> {
  const { person } = told
  const leading = place.organisationId === null ? 'admin' : 'owner'
  const contacts = await findContacts(trx, place.organisationId)
  const why =
    place.organisation === null ? 'you are an administrator of the desk' : `you are an owner of ${place.organisation}`
  const leaders = contacts
    .filter(({ personId, role, disabledAt }) => role === leading && disabledAt === null && personId !== person.personId)
    .map((leader) => ({ ...leader, why }))
  const page = place.organisationId === null ? `/people/${person.personId}` : '/people'
  await putNotices(trx, leaders, { ...factsOf(place, told), about: person.name, path: page })
}

/** Tells whom it was done to, even when they are no part of the place any more. */
export async function tellPerson(trx: Trx, place: ToldPlace, told: Told): Promise<void> {
  const reader = { ...told.person, why: 'it is about your own account' }
  await putNotices(trx, [reader], { ...factsOf(place, told), about: '', path: '/' })
}

/** Both. */
export async function tellConcerned(trx: Trx, place: ToldPlace, told: Told): Promise<void> {
  await tellLeaders(trx, place, told)
  await tellPerson(trx, place, told)
}

function factsOf({ organisation }: ToldPlace, { notice, who, at, entry }: Told) {
  return { notice, key: `${entry.auditChain}/${entry.auditSequence}`, organisation, who, at }
}

/** The place of this id as notices name it; the staff where there is none. */
export async function placeOf(trx: Trx, organisationId: string | null): Promise<ToldPlace> {
  if (organisationId === null) return { organisationId, organisation: null }
  const organisation = await findOrganisation(trx, organisationId)
  return { organisationId, organisation: organisation?.name ?? '' }
}

/** A person's row as notices take it. */
export function asContact({ id, name, email, timeZone }: PersonRow): Told['person'] {
  return { personId: id, name, email, timeZone }
}

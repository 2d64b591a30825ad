import { findServices, type ServiceView } from '../../../database/keys/services.ts'
import { findOrganisation } from '../../../database/people/organisations.ts'
import { findAccountChanges, findOwners, type Owner } from '../../../database/people/owners.ts'
import { findRotation, type RotationView } from '../../../database/rotations/views.ts'
import { type AccountChanges, holdUntil, lastAccountChange } from '../../../rules/hold.ts'
import type { PersonActor } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { actorFor, bearerOf, type WebContext } from '../../context.ts'
import { type ShownOrganisation, shownOrganisation } from '../../shown/page.ts'

/** Whose keys are filed, and for whom: an owner files for their own organisation, the staff for an owner of the one they chose. */
export type Side = {
  actor: PersonActor
  organisationId: string
  organisation: ShownOrganisation
  /** The owners to choose from, when the staff file; null when an owner does. */
  owners: Owner[] | null
  /** The rotation whose place it is to take. */
  replaced: RotationView | null
}

export type Asked = { organisation?: string | undefined; replaces?: string | undefined }

async function findReplaced(c: WebContext, organisationId: string, ref: string | undefined) {
  if (ref === undefined || ref === '') return null
  const rotation = await findRotation(c.get('desk').db, { organisationId }, ref)
  if (rotation === undefined) throw new Refusal('NOT_FOUND')
  return rotation
}

/** The side of whoever looks; null when the staff have to say first for which organisation. Refuses NOT_FOUND. */
export async function findSide(c: WebContext, asked: Asked): Promise<Side | null> {
  const actor = actorFor(c, 'rotations.file')
  const { db } = c.get('desk')
  const ofStaff = actor.organisationId === null
  const organisationId = actor.organisationId ?? asked.organisation ?? ''
  if (organisationId === '') return null
  const organisation = await findOrganisation(db, organisationId)
  if (organisation === undefined) throw new Refusal('NOT_FOUND')
  return {
    actor,
    organisationId,
    organisation: shownOrganisation(organisation.id, organisation.name),
    owners: ofStaff ? await findOwners(db, organisationId) : null,
    replaced: await findReplaced(c, organisationId, asked.replaces),
  }
}

/** What whoever files should know of an account, or null: when it changed last, and until when it is held. */
export function heldUntil(changes: AccountChanges, now: Date): { changedAt: Date; until: Date } | null {
  const until = holdUntil(changes, now)
  const changedAt = lastAccountChange(changes)
  return until === null || changedAt === null ? null : { changedAt, until }
}

/** The hold of the owner who files; the staff have none. */
export async function findOwnHold(c: WebContext, { owners }: Side) {
  if (owners !== null) return null
  return heldUntil(await findAccountChanges(c.get('desk').db, bearerOf(c).actor.personId), new Date())
}

const AT_ONCE = 100

/** All the services whose keys can be chosen from, however many; of each its first keys, and those that were chosen. */
export async function findAllServices(
  c: WebContext,
  organisationId: string,
  keyIds: readonly string[],
): Promise<ServiceView[]> {
  const services: ServiceView[] = []
  let cursor: string | undefined
  do {
    const page = await findServices(c.get('desk').db, { organisationId }, { cursor, limit: AT_ONCE, keyIds })
    services.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return services
}

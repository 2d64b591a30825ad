import { type AuditFact, DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'
import { findContacts } from '../../database/people/memberships.ts'
import { findMemberships, findPerson } from '../../database/people/people.ts'
import { lockRecoveryCase, type RecoveryRow } from '../../database/people/recovery-cases.ts'
import type { Actor, PersonActor } from '../../rules/permissions.ts'
import { barFromRecovery, type RecoveryMove, recoveryMayMove } from '../../rules/recovery.ts'
import { Refusal } from '../../rules/refusals.ts'

const NOT_NOW = 'This case is no longer at a point where this can be done. Look at it again.'

/** A refusal of a case that can't go on, in words. */
export function stopped(detail: string): Refusal {
  return new Refusal('ILLEGAL_MOVE', { detail })
}

/** The case, locked, where `move` may be made of it. Refuses NOT_FOUND and ILLEGAL_MOVE. */
export async function lockCase(trx: Trx, id: string, move: RecoveryMove): Promise<RecoveryRow> {
  const recovery = await lockRecoveryCase(trx, id)
  if (recovery === undefined) throw new Refusal('NOT_FOUND')
  if (!recoveryMayMove(move, recovery.status)) throw stopped(NOT_NOW)
  return recovery
}

type Subject = Pick<RecoveryRow, 'organisationId'> & { personId: string | null; openedBy: string | null }

/** Refuses NOT_ALLOWED, and OWN_CASE where somebody else of the staff has to make the move. */
export async function refuseOwn(
  trx: Trx,
  actor: PersonActor,
  recovery: Subject,
  move: Exclude<RecoveryMove, 'refuse'>,
): Promise<void> {
  const memberships = await findMemberships(trx, actor.personId)
  const staffRole = actor.role === 'agent' || actor.role === 'admin' ? actor.role : null
  const agent = {
    personId: actor.personId,
    staffRole,
    organisationIds: memberships.map(({ organisationId }) => organisationId),
  }
  const bar = barFromRecovery(agent, recovery, move)
  if (bar !== null) throw bar
}

/** How many lead the place and can act, this person apart: owners of the organisation, or admins of the desk. */
export async function countLeaders(trx: Trx, organisationId: string | null, exceptId: string | null): Promise<number> {
  const leading = organisationId === null ? 'admin' : 'owner'
  const contacts = await findContacts(trx, organisationId)
  return contacts.filter((c) => c.role === leading && c.disabledAt === null && c.personId !== exceptId).length
}

type CaseFacts = Pick<RecoveryRow, 'organisationId' | 'kind' | 'email'> & { personId: string | null }

/** Looks again, at every step, whether what the case rests on is still so. Refuses ILLEGAL_MOVE with what changed. */
export async function refuseUnlessTrue(trx: Trx, recovery: CaseFacts): Promise<void> {
  if (recovery.kind === 'no_owner') {
    if ((await countLeaders(trx, recovery.organisationId, null)) === 0) return
    throw stopped('The organisation has an owner, who can invite others and change their roles.')
  }
  const person = recovery.personId === null ? undefined : await findPerson(trx, recovery.personId)
  if (person === undefined || person.disabledAt !== null) throw stopped('This account is disabled.')
  if (person.email !== recovery.email) throw stopped('The email address of this account changed since the case began.')
  const memberships = await findMemberships(trx, person.id)
  const isThere =
    recovery.organisationId === null
      ? person.staffRole !== null
      : memberships.some(({ organisationId }) => organisationId === recovery.organisationId)
  if (!isThere) throw stopped('This person is not there any more.')
}

/** Writes a step of a case into the chain of its organisation, or the desk's. */
export async function recordCase(
  trx: Trx,
  recovery: Pick<RecoveryRow, 'id' | 'organisationId' | 'kind'> & { personId: string | null },
  step: { action: string; actor: Actor; at: Date; facts?: AuditFact['facts'] },
): Promise<void> {
  const { action, actor, at } = step
  const facts = { case: recovery.id, kind: recovery.kind, person: recovery.personId, ...step.facts }
  await recordAudit(trx, recovery.organisationId ?? DESK_CHAIN, at, { action, actor, facts })
}

import { type AuditFact, DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'
import { findMembers, findMemberships, type Membership, type PersonRow } from '../../database/people/people.ts'
import type { Notice } from '../../outbox/letters.ts'
import { type NoticeReader, putNotices } from '../../outbox/notices.ts'
import type { PersonActor } from '../../rules/permissions.ts'

export type AccountChange = {
  /** `person.…` of the audit trail. */
  action: string
  notice: Notice
  /** Whether the person was signed in when it was done. */
  signedIn: boolean
  at: Date
  facts?: AuditFact['facts']
}

/** The person who changes their own account, whatever they are elsewhere. */
function selfOf(person: PersonRow, memberships: readonly Membership[]): PersonActor {
  const [first] = memberships
  const role = person.staffRole ?? first?.role ?? 'viewer'
  const organisationId = person.staffRole === null ? (first?.organisationId ?? null) : null
  return { kind: 'person', personId: person.id, name: person.name, role, organisationId }
}

/** Where it is written down: with every organisation of the person's, and with the desk for its staff and for who is nowhere. */
function chainsOf(person: PersonRow, memberships: readonly Membership[]): string[] {
  const chains = memberships.map((membership) => membership.organisationId)
  if (person.staffRole !== null || chains.length === 0) chains.push(DESK_CHAIN)
  return chains.sort()
}

async function tellOwners(trx: Trx, person: PersonRow, membership: Membership, change: AccountChange): Promise<void> {
  const { organisationId, organisation } = membership
  const owners = (await findMembers(trx, organisationId)).filter(
    (member) => member.role === 'owner' && member.personId !== person.id,
  )
  const readers = owners.map((owner) => ({ ...owner, why: `you are an owner of ${organisation}` }))
  await putNotices(trx, readers, {
    notice: change.notice,
    key: `${person.id}|${change.at.toISOString()}`,
    organisation,
    who: change.signedIn ? person.name : null,
    about: person.name,
    path: '/people',
    at: change.at,
  })
}

async function tellPerson(trx: Trx, person: PersonRow, change: AccountChange): Promise<void> {
  const { id: personId, name, email, timeZone } = person
  const reader: NoticeReader = { personId, name, email, timeZone, why: 'the account is yours' }
  await putNotices(trx, [reader], {
    notice: change.notice,
    key: `${personId}|${change.at.toISOString()}`,
    organisation: null,
    who: change.signedIn ? name : null,
    about: '',
    path: '/account/security',
    at: change.at,
  })
}

/**
 * Tells of a change to an account that a thief may have made, and writes it down: a letter to the person at the address of
 * `person` as given, to the other owners where the person is one, and an entry in the chain of each of their
 * organisations. Call it last, with the person's row locked.
 */
export async function recordAccountChange(trx: Trx, person: PersonRow, change: AccountChange): Promise<void> {
  const memberships = await findMemberships(trx, person.id)
  await tellPerson(trx, person, change)
  for (const membership of memberships) {
    if (membership.role === 'owner') await tellOwners(trx, person, membership, change)
  }
  const fact = {
    action: change.action,
    actor: selfOf(person, memberships),
    facts: { ...change.facts, person: person.id },
  }
  for (const chain of chainsOf(person, memberships)) await recordAudit(trx, chain, change.at, fact)
}

/**
 * Ends what rests on the password, address or code device that was just changed: every session but the one that changed it,
 * every step-up, and whatever else was begun and not finished. Tokens go on: they were made with a step-up of their own.
 */
export async function endWhatRestedOnIt(trx: Trx, personId: string, keptSessionId: string | null): Promise<void> {
  await trx
    .deleteFrom('session')
    .where('personId', '=', personId)
    .where('id', '!=', keptSessionId ?? '')
    .execute()
  await trx.deleteFrom('stepUp').where('personId', '=', personId).execute()
  await trx.deleteFrom('codeEnrolment').where('personId', '=', personId).execute()
  await trx.deleteFrom('emailChange').where('personId', '=', personId).where('usedAt', 'is', null).execute()
  await trx.deleteFrom('passwordReset').where('personId', '=', personId).where('usedAt', 'is', null).execute()
}

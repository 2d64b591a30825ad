import { type AuditFact, DESK_CHAIN } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'
import { findMemberships, type Membership, type PersonRow } from '../../database/people/people.ts'
import type { Notice } from '../../outbox/letters.ts'
import { putNotices } from '../../outbox/notices.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { recordInChains } from '../members/chains.ts'
import { proposeRotation } from '../members/propose.ts'
import { asContact, tellLeaders } from '../members/told.ts'

export type AccountChange = {
  /** `person.…` of the audit trail. */
  action: string
  notice: Notice
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
  const ofDesk = person.staffRole !== null || memberships.length === 0
  return [...(ofDesk ? [DESK_CHAIN] : []), ...memberships.map((membership) => membership.organisationId)]
}

async function tellPerson(trx: Trx, person: PersonRow, change: AccountChange): Promise<void> {
  await putNotices(trx, [{ ...asContact(person), why: 'the account is yours' }], {
    notice: change.notice,
    key: `${person.id}|${change.at.toISOString()}`,
    organisation: null,
    who: person.name,
    about: '',
    path: '/account/security',
    at: change.at,
  })
}

async function proposeTo(
  trx: Trx,
  { id, name }: PersonRow,
  memberships: readonly Membership[],
  at: Date,
): Promise<void> {
  for (const { organisationId, organisation, role } of memberships) {
    const person = { personId: id, name, role }
    await proposeRotation(trx, { place: { organisationId, organisation }, person, cause: 'password_changed', at })
  }
}

/**
 * Writes down a change to an account that a thief may have made, in the chain of each of its person's organisations, and
 * tells of it: the person at the address that `person` holds, and the other owners where the person is one. Call it last,
 * with the person's row locked.
 */
export async function recordAccountChange(trx: Trx, person: PersonRow, change: AccountChange): Promise<void> {
  const { action, notice, at } = change
  const memberships = await findMemberships(trx, person.id)
  const fact = { action, actor: selfOf(person, memberships), facts: { ...change.facts, person: person.id } }
  const chained = chainsOf(person, memberships).map((chain) => ({ ...fact, chain }))
  if (notice === 'password_changed') await proposeTo(trx, person, memberships, at)
  const entries = await recordInChains(trx, at, chained)
  await tellPerson(trx, person, change)
  for (const membership of memberships.filter(({ role }) => role === 'owner')) {
    const entry = entries.get(membership.organisationId)
    if (entry === undefined) throw new Error('the change was not recorded')
    const told = { notice, person: asContact(person), who: person.name, at, entry }
    await tellLeaders(trx, membership, told)
  }
}

/**
 * Ends what rests on the password, address or code device that was just changed: every session but the one that changed it,
 * every step-up, and whatever else was begun and not finished. Tokens go on: they were made with a step-up of their own.
 */
export async function endWhatRestedOnIt(trx: Trx, personId: string, keptSessionId: string | null): Promise<void> {
  const sessions = trx.deleteFrom('session').where('personId', '=', personId)
  await (keptSessionId === null ? sessions : sessions.where('id', '!=', keptSessionId)).execute()
  await trx.deleteFrom('stepUp').where('personId', '=', personId).execute()
  await trx.deleteFrom('codeEnrolment').where('personId', '=', personId).execute()
  await trx.deleteFrom('emailChange').where('personId', '=', personId).where('usedAt', 'is', null).execute()
  await trx.deleteFrom('passwordReset').where('personId', '=', personId).where('usedAt', 'is', null).execute()
}

import { DESK_CHAIN } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockMemberships } from '../../database/people/memberships.ts'
import { findOrganisation } from '../../database/people/organisations.ts'
import { findMemberships, findPerson, lockPerson, type PersonRow } from '../../database/people/people.ts'
import type { RecoveryRow } from '../../database/people/recovery-cases.ts'
import { type PersonActor, type Role, requireRole } from '../../rules/permissions.ts'
import { isStaleCase } from '../../rules/recovery.ts'
import { Refusal } from '../../rules/refusals.ts'
import { endAccess, endStepUps } from '../members/access.ts'
import { recordInChains } from '../members/chains.ts'
import { invite, sendAccessLink } from '../members/invite.ts'
import { asContact, type ToldPlace, tellLeaders } from '../members/told.ts'
import { lockCase, refuseOwn, refuseUnlessTrue, stopped } from './case.ts'
import { tellContacts } from './told.ts'

/**
 * Carries a confirmed case out once its cooling-off is over, and once. An organisation without an owner gets the one named: by
 * invitation, or by the role where they are a member already. Whoever lost their access loses every password, code device, session
 * and token they had, and is mailed a link to the address the desk knew, with which they set up new ones; the hold counts from then.
 * Refuses NOT_ALLOWED, NOT_FOUND, OWN_CASE, COOLING_OFF, and ILLEGAL_MOVE also when the case is more than 7 days past its cooling-off
 * or what it rests on has changed.
 */
export async function carryOutRecoveryCase(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'recovery.manage')
  await db.transaction().execute(async (trx) => {
    const found = await trx.selectFrom('recoveryCase').select('personId').where('id', '=', id).executeTakeFirst()
    if (found !== undefined && found.personId !== null) await lockPerson(trx, found.personId)
    const recovery = await lockCase(trx, id, 'carry_out')
    await refuseOwn(trx, actor, recovery, 'carry_out')
    const at = await clock(trx)
    const { notBefore } = recovery
    if (notBefore === null || at.getTime() < notBefore.getTime()) throw new Refusal('COOLING_OFF')
    if (isStaleCase(notBefore, at))
      throw stopped('It has waited for too long since it was verified. Refuse it and open another.')
    await refuseUnlessTrue(trx, recovery)
    await trx
      .updateTable('recoveryCase')
      .set({ status: 'done', closedBy: actor.personId, closedAt: at })
      .where('id', '=', id)
      .execute()
    if (recovery.kind === 'no_owner') await giveOwner(trx, actor, recovery)
    else await giveAccess(trx, recovery, at)
    await tellElsewhere(trx, recovery, actor, at)
    await tellContacts(trx, recovery, { notice: 'recovery_done', who: actor.name, at })
  })
}

/**
 * An account is one, wherever its person is a member: what was taken from it is written down in each of those places, and told to
 * those who lead them.
 */
async function tellElsewhere(trx: Trx, recovery: RecoveryRow, actor: PersonActor, at: Date): Promise<void> {
  const { personId, organisationId, kind } = recovery
  const fact = { action: 'recovery.carry_out', actor, facts: { case: recovery.id, kind, person: personId } }
  const person = kind === 'lost_access' && personId !== null ? await findPerson(trx, personId) : undefined
  const places = person === undefined ? [] : await findPlaces(trx, person)
  const elsewhere = places.filter((place) => place.organisationId !== organisationId)
  const chains = [organisationId, ...elsewhere.map((place) => place.organisationId)].map((id) => id ?? DESK_CHAIN)
  const entries = await recordInChains(
    trx,
    at,
    chains.map((chain) => ({ ...fact, chain })),
  )
  for (const place of elsewhere) {
    const entry = entries.get(place.organisationId ?? DESK_CHAIN)
    if (entry === undefined || person === undefined) throw new Error('the case was not recorded')
    const told = { notice: 'recovery_done', person: asContact(person), who: actor.name, at, entry } as const
    await tellLeaders(trx, place, told)
  }
}

async function findPlaces(trx: Trx, { id, staffRole }: PersonRow): Promise<ToldPlace[]> {
  const memberships: ToldPlace[] = await findMemberships(trx, id)
  return staffRole === null ? memberships : [{ organisationId: null, organisation: null }, ...memberships]
}

async function giveOwner(trx: Trx, actor: PersonActor, { organisationId, name, email }: RecoveryRow): Promise<void> {
  const organisation = organisationId === null ? undefined : await findOrganisation(trx, organisationId)
  if (organisation === undefined) throw new Refusal('NOT_FOUND')
  const members = await lockMemberships(trx, organisation.id)
  const member = members.find((each) => each.email === email)
  if (member === undefined) {
    const place = { organisationId: organisation.id, organisation: organisation.name }
    await invite(trx, { name, email }, { ...place, role: 'owner', by: actor.name })
    return
  }
  if (member.disabledAt !== null) throw stopped('The account of the new owner is disabled.')
  await trx
    .updateTable('membership')
    .set({ role: 'owner', mayReveal: false })
    .where('personId', '=', member.personId)
    .where('organisationId', '=', organisation.id)
    .execute()
  await endStepUps(trx, member.personId)
}

const NO_CREDENTIALS = {
  passwordHash: null,
  codeSeed: null,
  codeSeedKeyId: null,
  codeLastStep: null,
  lockedAt: null,
  wrongCodes: 0,
  wrongCodesSince: null,
  consecutiveWrongCodes: 0,
} as const

/** Takes everything that signs the person in and mails them the link to begin anew. */
async function giveAccess(trx: Trx, { id, personId, organisationId }: RecoveryRow, at: Date): Promise<void> {
  if (personId === null) throw new Refusal('NOT_FOUND')
  const person = await lockPerson(trx, personId)
  await trx
    .updateTable('person')
    .set({ ...NO_CREDENTIALS, passwordChangedAt: at, codeChangedAt: at })
    .where('id', '=', personId)
    .execute()
  await endAccess(trx, personId, 'everywhere', at)
  for (const table of ['recoveryCode', 'passwordReset', 'emailChange', 'codeEnrolment'] as const) {
    await trx.deleteFrom(table).where('personId', '=', personId).execute()
  }
  const memberships = await findMemberships(trx, personId)
  const membership = memberships.find((each) => each.organisationId === organisationId)
  const role: Role | null = organisationId === null ? person.staffRole : (membership?.role ?? null)
  if (role === null) throw new Refusal('NOT_FOUND')
  await sendAccessLink(trx, person, { organisationId, role, recoveryCaseId: id })
}

import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import {
  findOpenInvitation,
  type InvitationRow,
  keepFirstCodeSeed,
  lockOpenInvitation,
  type OpenInvitation,
} from '../../database/people/invitations.ts'
import { lockDesk, lockPerson, type PersonRow } from '../../database/people/people.ts'
import { normalisePassword, passwordProblem } from '../../rules/passwords.ts'
import type { PersonActor, Role } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { codeUri, matchingTimeStep, newCodeSeed } from '../../secrets/codes.ts'
import { hashPassword } from '../../secrets/passwords.ts'
import type { Sealed, Sealer } from '../../secrets/sealing.ts'
import { hashToken } from '../../secrets/tokens.ts'
import { returnSignIn, spendSignIn } from '../limits.ts'
import { isOpen, passwordIsRight } from '../sign-in/accounts.ts'
import { openCodeSeed, sealCodeSeed, spendCode } from '../sign-in/codes.ts'
import { completeSession, type Origin, startSession } from '../sign-in/sessions.ts'
import { endAccess } from './access.ts'
import { asContact, placeOf, tellConcerned } from './told.ts'

export type InvitationView = {
  /** Null for an invitation to the staff. */
  organisation: string | null
  role: Role
  /** Whether it gives back the access of somebody who is there already. */
  recovery: boolean
  name: string
  email: string
  expiresAt: Date
  /** What to put into an authenticator; null for a person who has one already and signs in with it to accept. */
  enrolment: { codeSeed: string; uri: string } | null
}
export type Acceptance = { password: string; code: string } & Partial<Origin>

function isEnrolled(invitation: OpenInvitation): boolean {
  return invitation.personCodeSeed !== null && invitation.passwordHash !== null
}

/**
 * What an invitation's page shows, or null when it was used, has run out or never was. For somebody new the first look
 * makes the code seed, and every later one shows the same.
 */
export async function findInvitation(db: Db, sealer: Sealer, token: string): Promise<InvitationView | null> {
  const invitation = await findOpenInvitation(db, hashToken(token))
  if (invitation === undefined) return null
  const { organisation, role, name, email, expiresAt } = invitation
  const recovery = invitation.recoveryCaseId !== null
  const view = { organisation, role, recovery, name, email, expiresAt }
  if (isEnrolled(invitation)) return { ...view, enrolment: null }
  const codeSeed = await seedToShow(db, sealer, invitation)
  return codeSeed === null ? null : { ...view, enrolment: { codeSeed, uri: codeUri(codeSeed, email) } }
}

/** The seed of the code device being set up: made when the page is first opened, the same until its first code. */
async function seedToShow(db: Db, sealer: Sealer, invitation: OpenInvitation): Promise<string | null> {
  const { id, personId } = invitation
  const kept = await keepFirstCodeSeed(db, id, sealCodeSeed(sealer, personId, newCodeSeed()))
  if (kept === undefined) return null
  return openCodeSeed(sealer, personId, { sealed: kept.codeSeed, keyId: kept.codeSeedKeyId })
}

/**
 * Accepts an invitation and signs its person in. Somebody new sets a password and enrols a code device with its first
 * code; somebody who has an account proves it with their password and code and keeps both: an invitation never replaces
 * them. Refuses with `INVITATION_VOID`, `CODE_REJECTED`, `CODE_LOCKED`, `INVALID_REQUEST` for the new password, or
 * `NOT_AUTHENTICATED` for a wrong one.
 */
export async function acceptInvitation(
  db: Db,
  sealer: Sealer,
  token: string,
  acceptance: Acceptance,
): Promise<{ sessionToken: string; email: string }> {
  const invitation = await findOpenInvitation(db, hashToken(token))
  if (invitation === undefined) throw new Refusal('INVITATION_VOID')
  const enrolment = isEnrolled(invitation)
    ? await proveAccount(db, sealer, invitation, acceptance)
    : await prepareEnrolment(sealer, invitation, acceptance)
  const { sessionToken } = await db.transaction().execute(async (trx) => {
    if (invitation.organisationId === null) await lockDesk(trx)
    const person = await lockPerson(trx, invitation.personId)
    const locked = await lockOpenInvitation(trx, hashToken(token))
    if (locked === undefined || !isOpen(person)) throw new Refusal('INVITATION_VOID')
    if (enrolment !== null) await enrol(trx, person, locked, enrolment)
    await join(trx, person, locked)
    return signIn(trx, person, locked, acceptance)
  })
  return { sessionToken, email: invitation.email }
}

/** Nothing to enrol: the person showed that the account is theirs. */
async function proveAccount(db: Db, sealer: Sealer, invitation: OpenInvitation, acceptance: Acceptance): Promise<null> {
  const network = acceptance.network ?? ''
  await spendSignIn(db, network, invitation.email)
  if (!(await passwordIsRight(acceptance.password, invitation.passwordHash))) {
    throw new Refusal('NOT_AUTHENTICATED', { detail: 'That is not the password of your account.' })
  }
  await returnSignIn(db, network, invitation.email)
  await spendCode(db, sealer, invitation.personId, acceptance.code)
  return null
}

type Enrolment = { passwordHash: string; seed: Sealed; timeStep: number }

async function prepareEnrolment(
  sealer: Sealer,
  invitation: OpenInvitation,
  acceptance: Acceptance,
): Promise<Enrolment> {
  const { personId, codeSeed, codeSeedKeyId } = invitation
  if (codeSeed === null || codeSeedKeyId === null) throw new Refusal('CODE_REJECTED')
  const problem = passwordProblem(acceptance.password, invitation)
  if (problem !== null) throw new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/password', message: problem }] })
  const seed = { sealed: codeSeed, keyId: codeSeedKeyId }
  const timeStep = await matchingTimeStep(openCodeSeed(sealer, personId, seed), acceptance.code, invitation.now)
  if (timeStep === null) throw new Refusal('CODE_REJECTED')
  return { passwordHash: await hashPassword(normalisePassword(acceptance.password)), seed, timeStep }
}

/**
 * Gives a person a password and a code device where they have no code device: newcomers, and whoever a recovery case took theirs
 * from. For the latter it is a change, from which the hold counts. The code just used works no second time.
 */
async function enrol(trx: Trx, person: PersonRow, invitation: InvitationRow, enrolment: Enrolment): Promise<void> {
  const { passwordHash, seed, timeStep } = enrolment
  const recovers = invitation.recoveryCaseId !== null
  // Whoever lost their device sets up another with the link of their case, and with no other.
  const isFirst = person.passwordHash === null && person.codeChangedAt === null
  if (person.codeSeed !== null || !(recovers || isFirst)) throw new Refusal('INVITATION_VOID')
  const changed = recovers ? await beginAnew(trx, person.id) : {}
  await trx
    .updateTable('person')
    .set({ passwordHash, codeSeed: seed.sealed, codeSeedKeyId: seed.keyId, codeLastStep: timeStep, ...changed })
    .where('id', '=', person.id)
    .execute()
}

/** Whatever was made since the old proofs were taken ends too. */
async function beginAnew(trx: Trx, personId: string): Promise<{ passwordChangedAt: Date; codeChangedAt: Date }> {
  const at = await clock(trx)
  await endAccess(trx, personId, 'everywhere', at)
  return { passwordChangedAt: at, codeChangedAt: at }
}

/** Gives the person what they were invited to, marks the invitation as used and writes it into the audit trail. */
async function join(trx: Trx, person: PersonRow, invitation: InvitationRow): Promise<void> {
  const at = await clock(trx)
  const { id, organisationId, role } = invitation
  if (invitation.recoveryCaseId === null) await takePlace(trx, person, invitation, at)
  await trx
    .updateTable('invitation')
    .set({ acceptedAt: at, codeSeed: null, codeSeedKeyId: null })
    .where('id', '=', id)
    .execute()
  const actor: PersonActor = { kind: 'person', personId: person.id, name: person.name, role, organisationId }
  const chain = organisationId ?? DESK_CHAIN
  if (person.codeSeed === null) await recordAudit(trx, chain, at, { action: 'person.enrol', actor })
  if (invitation.recoveryCaseId !== null) return
  const action = organisationId === null ? 'staff.join' : 'member.join'
  const entry = await recordAudit(trx, chain, at, { action, actor, facts: { role } })
  const place = await placeOf(trx, organisationId)
  await tellConcerned(trx, place, { notice: 'member_joined', person: asContact(person), who: person.name, at, entry })
}

async function takePlace(
  trx: Trx,
  person: PersonRow,
  { organisationId, role }: InvitationRow,
  at: Date,
): Promise<void> {
  await endAccess(trx, person.id, { organisationId }, at)
  if (role === 'agent' || role === 'admin') {
    await trx.updateTable('person').set({ staffRole: role }).where('id', '=', person.id).execute()
  } else if (organisationId !== null) {
    await trx.insertInto('membership').values({ personId: person.id, organisationId, role, createdAt: at }).execute()
  }
}

async function signIn(trx: Trx, person: PersonRow, { organisationId }: InvitationRow, origin: Partial<Origin>) {
  const place = { id: person.id, organisationId }
  const from = { network: origin.network ?? '', userAgent: origin.userAgent ?? '' }
  const session = await completeSession(trx, (await startSession(trx, place, from)).sessionToken)
  if (session === null) throw new Error('a session that was just started is gone')
  return session
}

import { generateSync } from 'otplib'
import type { Db } from '../../../src/database/connect.ts'
import { createFirstAdmin, issueSetUpCode } from '../../../src/identity/members/first-admin.ts'
import { acceptInvitation, findInvitation } from '../../../src/identity/members/invitations.ts'
import { createOrganisation, inviteMember, inviteStaff } from '../../../src/identity/members/organisations.ts'
import { type Bearer, findSessionBearer } from '../../../src/identity/sign-in/bearers.ts'
import { beginSignIn, finishSignIn } from '../../../src/identity/sign-in/sign-in.ts'
import type { MemberRole, PersonActor, StaffRole } from '../../../src/rules/permissions.ts'
import type { Sealer } from '../../../src/secrets/sealing.ts'

export const PASSWORD = 'a kettle of nine herons'

/** A person who signed in once, with what they need to do so again. */
export type Enrolled = {
  email: string
  password: string
  totpSecret: string
  sessionToken: string
  bearer: Bearer
  actor: PersonActor
}

/** The code that the person's app shows now, or `steps` times 30 seconds from now. */
export function codeFor(totpSecret: string, steps = 0): string {
  return generateSync({ secret: totpSecret, epoch: Math.floor(Date.now() / 1000) + steps * 30 })
}

/** A code that hasn't been used: as if the person had waited since the last one. */
export async function unusedCode(db: Db, person: { email: string; totpSecret: string }): Promise<string> {
  await db.updateTable('person').set({ codeLastStep: null }).where('email', '=', person.email).execute()
  return codeFor(person.totpSecret)
}

/** The token in the newest invitation letter to an address. */
export async function invitationToken(db: Db, email: string): Promise<string> {
  const letter = await db
    .selectFrom('letter')
    .select('facts')
    .where('kind', '=', 'invitation')
    .where('toAddress', '=', email)
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow()
  return tokenOf(String(letter.facts.path))
}

export function tokenOf(invitationPath: string): string {
  return invitationPath.slice('/invitations/'.length)
}

/** Accepts an invitation as a new person does: a password, and the code device that the page shows. */
export async function enrol(db: Db, sealer: Sealer, token: string): Promise<Enrolled> {
  const invitation = await findInvitation(db, sealer, token)
  const totpSecret = invitation?.enrolment?.codeSeed
  if (totpSecret === undefined) throw new Error('that invitation shows no code device')
  const acceptance = { password: PASSWORD, code: codeFor(totpSecret) }
  const { sessionToken, email } = await acceptInvitation(db, sealer, token, acceptance)
  return known(db, { email, password: PASSWORD, totpSecret, sessionToken })
}

async function known(db: Db, person: Omit<Enrolled, 'bearer' | 'actor'>): Promise<Enrolled> {
  const bearer = await findSessionBearer(db, person.sessionToken)
  if (bearer === null) throw new Error('not signed in')
  return { ...person, bearer, actor: bearer.actor }
}

/** Password and code, with a code that wasn't used before. */
export async function signIn(db: Db, sealer: Sealer, person: Enrolled): Promise<Enrolled> {
  const { email, password, totpSecret } = person
  const pending = await beginSignIn(db, { email, password, network: '198.51.100.7', userAgent: 'test' })
  const code = await unusedCode(db, person)
  const { sessionToken } = await finishSignIn(db, sealer, pending.sessionToken, code)
  return known(db, { email, password, totpSecret, sessionToken })
}

/** The desk's first admin, made with a set-up code. */
export async function enrolFirstAdmin(db: Db, sealer: Sealer, email = 'admin@desk.example'): Promise<Enrolled> {
  const code = await issueSetUpCode(db)
  if (code === null) throw new Error('this desk has an admin')
  const { invitationPath } = await createFirstAdmin(db, code, { name: 'Ines Admin', email })
  return enrol(db, sealer, tokenOf(invitationPath))
}

export async function enrolStaff(
  db: Db,
  sealer: Sealer,
  admin: Enrolled,
  person: { name: string; email: string; role: StaffRole },
): Promise<Enrolled> {
  await inviteStaff(db, admin.actor, person)
  return enrol(db, sealer, await invitationToken(db, person.email))
}

/** A new organisation and its first owner. */
export async function enrolOwner(
  db: Db,
  sealer: Sealer,
  admin: Enrolled,
  organisation: { name: string; owner: { name: string; email: string } },
): Promise<Enrolled & { organisationId: string }> {
  const { id } = await createOrganisation(db, admin.actor, organisation)
  const owner = await enrol(db, sealer, await invitationToken(db, organisation.owner.email))
  return { ...owner, organisationId: id }
}

export async function enrolMember(
  db: Db,
  sealer: Sealer,
  owner: Enrolled & { organisationId: string },
  person: { name: string; email: string; role: MemberRole },
): Promise<Enrolled> {
  await inviteMember(db, owner.actor, { ...person, organisationId: owner.organisationId })
  return enrol(db, sealer, await invitationToken(db, person.email))
}

/** How a caller was verified, as whoever opens a recovery case has to say. */
export const VERIFIED = {
  verifiedBy: 'Called back on the number of the contract; knew the rotation of last week.',
  checks: ['called_back', 'knows', 'asked_others'],
}

/** A recovery case of somebody who lost their access, ready to be opened. */
export function recoveryOf({ personId, organisationId }: Pick<PersonActor, 'personId' | 'organisationId'>) {
  return { kind: 'lost_access', organisationId, personId, ...VERIFIED } as const
}

import { randomBytes } from 'node:crypto'
import type { Db } from '../../database/connect.ts'
import { acceptInvitation, findInvitation } from '../../identity/members/invitations.ts'
import { findSessionBearer } from '../../identity/sign-in/bearers.ts'
import { signOut } from '../../identity/sign-in/sign-in.ts'
import { createPersonalToken } from '../../identity/tokens/tokens.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import type { Sealer } from '../../secrets/sealing.ts'
import { previousCode } from '../codes.ts'
import type { DemoPerson } from '../demo-file.ts'

const TOKEN_MILLISECONDS = 364 * 86_400_000

export type Enrolled = { person: DemoPerson; actor: PersonActor }

/** Does what an invited person does: opens the page, sets a password and a code device, and makes an API token. */
export async function enrol(db: Db, sealer: Sealer, invitationPath: string): Promise<Enrolled> {
  const invitationToken = invitationPath.split('/').at(-1) ?? ''
  const invitation = await findInvitation(db, sealer, invitationToken)
  if (invitation?.enrolment == null) throw new Error(`there is no open invitation at ${invitationPath}`)
  const totpSecret = invitation.enrolment.codeSeed
  const password = `demo-${randomBytes(9).toString('hex')}`
  const code = await previousCode(totpSecret)
  const { sessionToken } = await acceptInvitation(db, sealer, invitationToken, { password, code })
  const bearer = await findSessionBearer(db, sessionToken)
  if (bearer === null) throw new Error(`${invitation.email} was not signed in`)
  const expiresAt = new Date(Date.now() + TOKEN_MILLISECONDS)
  const { token } = await createPersonalToken(db, bearer.actor, { name: 'Scripts', expiresAt })
  await signOut(db, sessionToken)
  const { email, name, role, organisation } = invitation
  const { organisationId } = bearer.actor
  const person = { email, name, password, totpSecret, role, organisation, organisationId, apiToken: token }
  return { person, actor: bearer.actor }
}

import { clock, type Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { lockOrMakePerson, type PersonRow } from '../../database/people/people.ts'
import { putLetter } from '../../outbox/letters.ts'
import type { Role } from '../../rules/permissions.ts'
import { type FieldError, Refusal } from '../../rules/refusals.ts'
import { cleanEmail, cleanName, EMAIL_PROBLEM, nameProblem } from '../../rules/text/names.ts'
import { hashToken, newToken } from '../../secrets/tokens.ts'

const INVITATION_DAYS = 7

export type Invitee = { name: string; email: string }
type Place = { organisationId: string; organisation: string } | { organisationId: null; organisation: null }
export type Invitation = Place & { role: Role; by: string }

/** A cleaned name and address, or `INVALID_REQUEST` with each field that is not as it should be, under `path`. */
export function cleanInvitee(invitee: Invitee, path = ''): Invitee {
  const name = cleanName(invitee.name)
  const email = cleanEmail(invitee.email)
  const errors: FieldError[] = []
  const problem = nameProblem(invitee.name)
  if (problem !== null) errors.push({ pointer: `${path}/name`, message: problem })
  if (email === null) errors.push({ pointer: `${path}/email`, message: EMAIL_PROBLEM })
  if (name === null || email === null || errors.length > 0) throw new Refusal('INVALID_REQUEST', { errors })
  return { name, email }
}

type Written = { id: string; path: string; person: PersonRow; at: Date; expiresAt: Date }

/** Invites a person by mail. Refuses with `ALREADY_MEMBER` who is there already, or `INVALID_REQUEST`. */
export async function invite(trx: Trx, invitee: Invitee, invitation: Invitation): Promise<{ personId: string }> {
  const written = await writeInvitation(trx, invitee, invitation)
  await putInvitationLetter(trx, invitation, written)
  return { personId: written.person.id }
}

/**
 * Writes an invitation for a person, who is made when the address is new. An older one to the same place is void from
 * then on. The token is only in the path that this gives.
 */
export async function writeInvitation(trx: Trx, invitee: Invitee, invitation: Invitation): Promise<Written> {
  const { name, email } = cleanInvitee(invitee)
  const person = await lockOrMakePerson(trx, { id: newId('person'), name, email, createdAt: await clock(trx) })
  await refuseIfThere(trx, person, invitation)
  return replaceInvitation(trx, person, { ...invitation, inviteeName: name, recoveryCaseId: null })
}

type Replacement = Pick<Invitation, 'organisationId' | 'role'> & { inviteeName: string; recoveryCaseId: string | null }

/** Writes a locked person's invitation to a place; one that was open there is void from then on. */
async function replaceInvitation(trx: Trx, person: PersonRow, invitation: Replacement): Promise<Written> {
  const { organisationId, role, inviteeName, recoveryCaseId } = invitation
  await trx
    .deleteFrom('invitation')
    .where('personId', '=', person.id)
    .where('organisationId', 'is not distinct from', organisationId)
    .where('acceptedAt', 'is', null)
    .execute()
  const token = newToken()
  const at = await clock(trx)
  const expiresAt = new Date(at.getTime() + INVITATION_DAYS * 86_400_000)
  const id = newId('invitation')
  await trx
    .insertInto('invitation')
    .values({
      id,
      tokenHash: hashToken(token),
      personId: person.id,
      inviteeName,
      organisationId,
      role,
      recoveryCaseId,
      createdAt: at,
      expiresAt,
    })
    .execute()
  return { id, path: `/invitations/${token}`, person, at, expiresAt }
}

/** Sends a locked person's open invitation once more, with a new link; the one before is void. */
export async function inviteAgain(
  trx: Trx,
  person: PersonRow,
  invitation: Replacement,
  { organisation, by }: { organisation: string | null; by: string },
): Promise<void> {
  const written = await replaceInvitation(trx, person, invitation)
  if (invitation.recoveryCaseId !== null) return putAccessLetter(trx, written)
  await putInvitationLetter(trx, { organisation, role: invitation.role, by }, written)
}

/** Mails a locked person the link that replaces their password and code device, as a recovery case decided. */
export async function sendAccessLink(
  trx: Trx,
  person: PersonRow,
  place: { organisationId: string | null; role: Role; recoveryCaseId: string },
): Promise<void> {
  await putAccessLetter(trx, await replaceInvitation(trx, person, { ...place, inviteeName: person.name }))
}

async function refuseIfThere(trx: Trx, person: PersonRow, { organisationId }: Invitation): Promise<void> {
  if (organisationId === null) {
    if (person.staffRole !== null) throw new Refusal('ALREADY_MEMBER')
    return
  }
  const membership = await trx
    .selectFrom('membership')
    .select('role')
    .where('personId', '=', person.id)
    .where('organisationId', '=', organisationId)
    .executeTakeFirst()
  if (membership !== undefined) throw new Refusal('ALREADY_MEMBER')
}

async function putInvitationLetter(
  trx: Trx,
  { organisation, role, by }: { organisation: string | null; role: Role; by: string },
  { id, path, person, at, expiresAt }: Written,
): Promise<void> {
  await putLetter(trx, {
    naturalKey: `invitation|${id}`,
    kind: 'invitation',
    to: { name: person.name, address: person.email },
    facts: {
      path,
      organisation,
      who: by,
      role,
      expiresAt: expiresAt.toISOString(),
      why: `${by} entered your address`,
      timeZone: person.timeZone,
    },
    thread: null,
    at,
  })
}

async function putAccessLetter(trx: Trx, { id, path, person, at, expiresAt }: Written): Promise<void> {
  await putLetter(trx, {
    naturalKey: `access-link|${id}`,
    kind: 'access-link',
    to: { name: person.name, address: person.email },
    facts: {
      path,
      expiresAt: expiresAt.toISOString(),
      at: at.toISOString(),
      why: 'the desk was asked to give you your access back',
      timeZone: person.timeZone,
    },
    thread: null,
    at,
  })
}

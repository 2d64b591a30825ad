import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { findOrganisation } from '../../database/people/organisations.ts'
import { findMembers, findPerson } from '../../database/people/people.ts'
import { type NoticeReader, putNotices } from '../../outbox/notices.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { hashToken, newToken } from '../../secrets/tokens.ts'
import { PERSONAL_TOKEN_PREFIX } from '../sign-in/bearers.ts'
import { type CheckedToken, checkNewToken, type NewPersonalToken } from './new-token.ts'

/**
 * Makes a token that acts as the person in the membership they act in now, and gives its text this once; the person is
 * told by mail, and of an unattended one every owner. Refuses with `NOT_ALLOWED`, `NOT_IN_SCOPE` (a token makes none that
 * may do more than itself), or `INVALID_REQUEST` for a name, scope, range or end that can't be (at most 365 days ahead,
 * an unattended one 90).
 */
export async function createPersonalToken(
  db: Db,
  actor: PersonActor,
  input: NewPersonalToken,
): Promise<{ id: string; token: string }> {
  requireRole(actor, 'tokens.manage')
  const id = newId('personalToken')
  const token = newToken(PERSONAL_TOKEN_PREFIX)
  await db.transaction().execute(async (trx) => {
    const at = await clock(trx)
    const made = checkNewToken(actor, input, at)
    const { personId, organisationId } = actor
    const row = { id, tokenHash: hashToken(token), last4: token.slice(-4), personId, organisationId, ...made }
    await trx
      .insertInto('personalToken')
      .values({ ...row, createdAt: at })
      .execute()
    await putTokenNotices(trx, actor, { id, ...made, at })
    const { name, scopes, unattended, ipRanges } = made
    const facts = { token: id, name, scopes, unattended, ipRanges }
    await recordAudit(trx, organisationId ?? DESK_CHAIN, at, { action: 'token.create', actor, facts })
  })
  return { id, token }
}

/** The person is told of every token; of an unattended one, which is a standing approval, the other owners are too. */
async function findReaders(trx: Trx, actor: PersonActor, unattended: boolean): Promise<NoticeReader[]> {
  const { personId, organisationId } = actor
  const person = await findPerson(trx, personId)
  if (person === undefined) throw new Refusal('NOT_AUTHENTICATED')
  const { name, email, timeZone } = person
  const own = { personId, name, email, timeZone, why: 'the account is yours' }
  if (!unattended || organisationId === null) return [own]
  const others = (await findMembers(trx, organisationId)).filter(
    (member) => member.role === 'owner' && member.personId !== personId,
  )
  return [own, ...others.map((owner) => ({ ...owner, why: 'you are an owner of the organisation' }))]
}

async function putTokenNotices(
  trx: Trx,
  actor: PersonActor,
  { id, name, unattended, at }: CheckedToken & { id: string; at: Date },
): Promise<void> {
  const { organisationId } = actor
  const organisation = organisationId === null ? undefined : await findOrganisation(trx, organisationId)
  await putNotices(trx, await findReaders(trx, actor, unattended), {
    notice: unattended ? 'unattended_token_made' : 'token_made',
    key: id,
    organisation: organisation?.name ?? null,
    who: actor.name,
    about: name,
    path: '/tokens',
    at,
  })
}

/** Ends one of the person's own tokens at once, with its step-ups; again does nothing. Refuses with `NOT_FOUND`. */
export async function revokePersonalToken(db: Db, actor: PersonActor, tokenId: string): Promise<void> {
  requireRole(actor, 'tokens.manage')
  await db.transaction().execute(async (trx) => {
    const token = await trx
      .selectFrom('personalToken')
      .select('revokedAt')
      .where('id', '=', tokenId)
      .where('personId', '=', actor.personId)
      .where('organisationId', 'is not distinct from', actor.organisationId)
      .forUpdate()
      .executeTakeFirst()
    if (token === undefined) throw new Refusal('NOT_FOUND')
    if (token.revokedAt !== null) return
    const at = await clock(trx)
    await trx.updateTable('personalToken').set({ revokedAt: at }).where('id', '=', tokenId).execute()
    await trx.deleteFrom('stepUp').where('bearerId', '=', tokenId).execute()
    const chain = actor.organisationId ?? DESK_CHAIN
    await recordAudit(trx, chain, at, { action: 'token.revoke', actor, facts: { token: tokenId } })
  })
}

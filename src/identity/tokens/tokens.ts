import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { type FieldError, Refusal } from '../../rules/refusals.ts'
import { cleanName, NAME_PROBLEM } from '../../rules/text/names.ts'
import { hashToken, newToken } from '../../secrets/tokens.ts'
import { PERSONAL_TOKEN_PREFIX } from '../sign-in/bearers.ts'

const MAX_DAYS = 365

export type NewPersonalToken = { name: string; expiresAt: Date; scopes?: readonly string[] }

/**
 * Makes a token that acts as the person in the membership they act in now, and gives its text this once. Refuses with
 * `NOT_ALLOWED`, or `INVALID_REQUEST` for a name or an end that can't be (at most 365 days ahead).
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
    const { name, expiresAt } = checked(input, at)
    const { personId, organisationId } = actor
    await trx
      .insertInto('personalToken')
      .values({
        id,
        tokenHash: hashToken(token),
        last4: token.slice(-4),
        personId,
        organisationId,
        name,
        scopes: [...(input.scopes ?? [])],
        createdAt: at,
        expiresAt,
      })
      .execute()
    await recordAudit(trx, organisationId ?? DESK_CHAIN, at, {
      action: 'token.create',
      actor,
      facts: { token: id, name },
    })
  })
  return { id, token }
}

/** Ends one of the person's own tokens at once, with its step-ups; again does nothing. Refuses with `NOT_FOUND`. */
export async function revokePersonalToken(db: Db, actor: PersonActor, tokenId: string): Promise<void> {
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

function checked(input: NewPersonalToken, now: Date): { name: string; expiresAt: Date } {
  const name = cleanName(input.name)
  const errors: FieldError[] = []
  if (name === null) errors.push({ pointer: '/name', message: NAME_PROBLEM })
  const days = (input.expiresAt.getTime() - now.getTime()) / 86_400_000
  if (!(days > 0 && days <= MAX_DAYS)) {
    errors.push({ pointer: '/expiresAt', message: `Choose an end at most ${MAX_DAYS} days from now.` })
  }
  if (name === null || errors.length > 0) throw new Refusal('INVALID_REQUEST', { errors })
  return { name, expiresAt: input.expiresAt }
}

import { sql } from 'kysely'
import type { Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { hashToken, newToken } from '../../secrets/tokens.ts'

const PENDING_SECONDS = 10 * 60
const ABSOLUTE_SECONDS = 8 * 60 * 60
const SIGN_IN_STEP_UP_SECONDS = 2 * 60
const FORGOTTEN_AFTER_DAYS = 30

export type Origin = { network: string; userAgent: string }

function after(seconds: number) {
  return sql<Date>`clock_timestamp() + ${seconds} * interval '1 second'`
}

/** A session that waits at most ten minutes for its one-time code and authorises nothing. */
export async function startSession(
  trx: Trx,
  person: { id: string; organisationId: string | null },
  origin: Origin,
): Promise<{ sessionToken: string }> {
  const sessionToken = newToken()
  await trx
    .insertInto('session')
    .values({
      tokenHash: hashToken(sessionToken),
      id: newId('session'),
      personId: person.id,
      organisationId: person.organisationId,
      complete: false,
      formToken: newToken(),
      createdAt: after(0),
      lastSeenAt: after(0),
      endsAt: after(PENDING_SECONDS),
      network: origin.network.slice(0, 64),
      userAgent: origin.userAgent.slice(0, 256),
    })
    .execute()
  return { sessionToken }
}

/**
 * Makes a waiting session a full one under a new token, so that nobody who planted or saw the old one is signed in with
 * it. The code just given counts as one step-up for two minutes, a recovery code for none. Null when the session isn't
 * waiting any more.
 */
export async function completeSession(
  trx: Trx,
  oldToken: string,
  proof: 'code' | 'recovery_code' = 'code',
): Promise<{ sessionToken: string } | null> {
  const sessionToken = newToken()
  const session = await trx
    .updateTable('session')
    .set({
      tokenHash: hashToken(sessionToken),
      complete: true,
      formToken: newToken(),
      codeAt: after(0),
      recovered: proof === 'recovery_code',
      lastSeenAt: after(0),
      endsAt: after(ABSOLUTE_SECONDS),
    })
    .where('tokenHash', '=', hashToken(oldToken))
    .where('complete', '=', false)
    .where(sql<boolean>`ends_at > clock_timestamp()`)
    .returning(['id', 'personId'])
    .executeTakeFirst()
  if (session === undefined) return null
  await forgetOldSessions(trx, session.personId)
  if (proof === 'code') await addStepUp(trx, session, { seconds: SIGN_IN_STEP_UP_SECONDS, calls: 1 })
  return { sessionToken }
}

/** Gives a full session a new token and leaves it otherwise as it is. False when it is gone. */
export async function renewSession(trx: Trx, oldToken: string, newSessionToken: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('session')
    .set({ tokenHash: hashToken(newSessionToken) })
    .where('tokenHash', '=', hashToken(oldToken))
    .where('complete', '=', true)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Notes a fresh one-time code for a bearer; the token is shown to nobody unless the caller hands it on. */
export async function addStepUp(
  trx: Trx,
  bearer: { id: string; personId: string },
  worth: { seconds: number; calls: number },
): Promise<{ stepUpToken: string; expiresAt: Date }> {
  await forgetOldStepUps(trx, bearer.personId)
  const stepUpToken = newToken()
  const row = await trx
    .insertInto('stepUp')
    .values({
      tokenHash: hashToken(stepUpToken),
      personId: bearer.personId,
      bearerId: bearer.id,
      createdAt: after(0),
      expiresAt: after(worth.seconds),
      callsLeft: worth.calls,
    })
    .returning('expiresAt')
    .executeTakeFirstOrThrow()
  return { stepUpToken, expiresAt: row.expiresAt }
}

/** Sessions long past their end are of no use; the newer ones tell which membership was used last. */
async function forgetOldSessions(trx: Trx, personId: string): Promise<void> {
  const longAgo = sql<Date>`clock_timestamp() - ${FORGOTTEN_AFTER_DAYS} * interval '1 day'`
  await trx.deleteFrom('session').where('personId', '=', personId).where('endsAt', '<', longAgo).execute()
}

async function forgetOldStepUps(trx: Trx, personId: string): Promise<void> {
  await trx
    .deleteFrom('stepUp')
    .where('personId', '=', personId)
    .where(sql<boolean>`expires_at < clock_timestamp()`)
    .execute()
}

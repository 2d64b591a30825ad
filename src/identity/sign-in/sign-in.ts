import type { Db } from '../../database/connect.ts'
import {
  findMemberships,
  findPerson,
  findPersonByEmail,
  lockPerson,
  type PersonRow,
} from '../../database/people/people.ts'
import { findLastOrganisation } from '../../database/people/sessions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { cleanEmail } from '../../rules/text/names.ts'
import type { Sealer } from '../../secrets/sealing.ts'
import { hashToken, newToken } from '../../secrets/tokens.ts'
import { spendRecoveryCode } from '../account/recovery-codes.ts'
import { returnSignIn, spendSignIn } from '../limits.ts'
import { isOpen, passwordIsRight } from './accounts.ts'
import { findSessionBearer } from './bearers.ts'
import { spendCode } from './codes.ts'
import { completeSession, type Origin, renewSession, startSession } from './sessions.ts'

export type SignIn = Origin & { email: string; password: string }
type SessionToken = { sessionToken: string }

/**
 * One text for every failure: it tells nobody whether the address is known, the password wrong or the account locked.
 */
function notSignedIn(): Refusal {
  return new Refusal('NOT_AUTHENTICATED', {
    detail: 'Those details are not right, or this account cannot sign in. Check the address and the password.',
  })
}

/**
 * The first half of a sign-in: a session that waits for its one-time code. Every failure is the same
 * `NOT_AUTHENTICATED`, in words and in time; too many of them, by network or by address, are `TOO_MANY_REQUESTS`.
 */
export async function beginSignIn(db: Db, input: SignIn): Promise<SessionToken> {
  const email = cleanEmail(input.email) ?? ''
  await spendSignIn(db, input.network, email)
  const person = await findPersonByEmail(db, email)
  const right = await passwordIsRight(input.password, person?.passwordHash ?? null)
  if (!right || person === undefined || !maySignIn(person)) throw notSignedIn()
  const organisationId = await chooseFirst(db, person)
  if (organisationId === undefined) throw notSignedIn()
  await returnSignIn(db, input.network, email)
  return db.transaction().execute(async (trx) => {
    // A password that was changed while it was being looked at gives no session that outlives the change.
    const now = await lockPerson(trx, person.id)
    if (now.passwordHash !== person.passwordHash || !maySignIn(now)) throw notSignedIn()
    return startSession(trx, { id: person.id, organisationId }, input)
  })
}

async function waitingPersonId(db: Db, sessionToken: string): Promise<string> {
  const bearer = await findSessionBearer(db, sessionToken)
  if (bearer === null || bearer.complete) throw new Refusal('NOT_AUTHENTICATED')
  return bearer.actor.personId
}

/** The second half: the one-time code turns the waiting session into a full one, under a new token. */
export async function finishSignIn(db: Db, sealer: Sealer, sessionToken: string, code: string): Promise<SessionToken> {
  await spendCode(db, sealer, await waitingPersonId(db, sessionToken), code)
  const session = await db.transaction().execute((trx) => completeSession(trx, sessionToken))
  if (session === null) throw new Refusal('NOT_AUTHENTICATED')
  return session
}

/** The same with a recovery code, for whoever has no code device at hand. It counts as no step-up. */
export async function finishWithRecoveryCode(db: Db, sessionToken: string, code: string): Promise<SessionToken> {
  await spendRecoveryCode(db, await waitingPersonId(db, sessionToken), code)
  const session = await db.transaction().execute((trx) => completeSession(trx, sessionToken, 'recovery_code'))
  if (session === null) throw new Refusal('NOT_AUTHENTICATED')
  return session
}

/** Ends a session at once, with its step-ups. */
export async function signOut(db: Db, sessionToken: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const session = await trx
      .deleteFrom('session')
      .where('tokenHash', '=', hashToken(sessionToken))
      .returning('id')
      .executeTakeFirst()
    if (session !== undefined) await trx.deleteFrom('stepUp').where('bearerId', '=', session.id).execute()
  })
}

/**
 * Lets a session act in another membership of its person, or as staff (null), under a new token. Refuses with
 * `NOT_FOUND` what the person is no part of.
 */
export async function chooseMembership(
  db: Db,
  sessionToken: string,
  organisationId: string | null,
): Promise<SessionToken> {
  const bearer = await findSessionBearer(db, sessionToken)
  if (bearer === null || !bearer.complete) throw new Refusal('NOT_AUTHENTICATED')
  const renewed = newToken()
  await db.transaction().execute(async (trx) => {
    if (!(await isPartOf(trx, bearer.actor.personId, organisationId))) throw new Refusal('NOT_FOUND')
    if (!(await renewSession(trx, sessionToken, renewed))) throw new Refusal('NOT_AUTHENTICATED')
    await trx.updateTable('session').set({ organisationId }).where('tokenHash', '=', hashToken(renewed)).execute()
  })
  return { sessionToken: renewed }
}

async function isPartOf(db: Db, personId: string, organisationId: string | null): Promise<boolean> {
  if (organisationId === null) return ((await findPerson(db, personId))?.staffRole ?? null) !== null
  return (await findMemberships(db, personId)).some((membership) => membership.organisationId === organisationId)
}

function maySignIn(person: PersonRow): boolean {
  return person.codeSeed !== null && isOpen(person)
}

/** Where the person works after signing in: as staff, else where they worked last, else where they were first. */
async function chooseFirst(db: Db, person: PersonRow): Promise<string | null | undefined> {
  if (person.staffRole !== null) return null
  const ids = (await findMemberships(db, person.id)).map((membership) => membership.organisationId)
  const last = await findLastOrganisation(db, person.id)
  return last !== undefined && ids.includes(last) ? last : ids[0]
}

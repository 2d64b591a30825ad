import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findPersonByEmail, lockPerson, type PersonRow } from '../../database/people/people.ts'
import { findOpenReset } from '../../database/people/proofs.ts'
import { putLetter } from '../../outbox/letters.ts'
import { Refusal } from '../../rules/refusals.ts'
import { cleanEmail } from '../../rules/text/names.ts'
import type { Sealer } from '../../secrets/sealing.ts'
import { hashToken, newToken } from '../../secrets/tokens.ts'
import { spendReset } from '../limits.ts'
import { isOpen, passwordIsRight } from '../sign-in/accounts.ts'
import { hashNewPassword, setPassword } from './password.ts'
import { spendCodeOrRecoveryCode } from './recovery-codes.ts'

const RESET_MINUTES = 15
const WHY = 'somebody asked for a new password for your account'

/**
 * Sends a link with which a new password can be set, if there is an account of that address; the answer and its time are
 * the same if not. A locked account gets told that it is. Refuses `TOO_MANY_REQUESTS` by network and by address, known or
 * not.
 */
export async function askForPasswordReset(db: Db, input: { email: string; network: string }): Promise<void> {
  const email = cleanEmail(input.email) ?? ''
  await spendReset(db, input.network, email)
  // The hash of nobody's password takes longer than the rest, whether or not there is a rest.
  await Promise.all([passwordIsRight('', null), sendLink(db, email)])
}

async function sendLink(db: Db, email: string): Promise<void> {
  const found = await findPersonByEmail(db, email)
  if (found === undefined || found.passwordHash === null || found.codeSeed === null) return
  await db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, found.id)
    const at = await clock(trx)
    if (person.lockedAt !== null) await putLockedLetter(trx, person, at)
    else if (isOpen(person) && person.email === email) await putResetLetter(trx, person, at)
  })
}

async function putResetLetter(trx: Trx, person: PersonRow, at: Date): Promise<void> {
  const token = newToken()
  const tokenHash = hashToken(token)
  const expiresAt = new Date(at.getTime() + RESET_MINUTES * 60_000)
  await trx.deleteFrom('passwordReset').where('personId', '=', person.id).where('expiresAt', '<', at).execute()
  await trx.insertInto('passwordReset').values({ tokenHash, personId: person.id, createdAt: at, expiresAt }).execute()
  await putLetter(trx, {
    naturalKey: `password-reset|${tokenHash.toString('hex')}`,
    kind: 'password-reset',
    to: { name: person.name, address: person.email },
    facts: {
      path: `/reset-password/${token}`,
      expiresAt: expiresAt.toISOString(),
      at: at.toISOString(),
      why: WHY,
      timeZone: person.timeZone,
    },
    thread: null,
    at,
  })
}

/** Whoever can't sign in for being locked learns it where nobody else does. */
async function putLockedLetter(trx: Trx, person: PersonRow, at: Date): Promise<void> {
  const lockedAt = (person.lockedAt ?? at).toISOString()
  await putLetter(trx, {
    naturalKey: `account-locked|${person.id}|${lockedAt}|${at.toISOString()}`,
    kind: 'account-locked',
    to: { name: person.name, address: person.email },
    facts: { who: null, at: lockedAt, why: WHY, path: '/', timeZone: person.timeZone },
    thread: null,
    at,
  })
}

/** Whose password the link sets, or null when it was used, has run out or never was. */
export async function findPasswordReset(db: Db, token: string): Promise<{ email: string } | null> {
  return (await findOpenReset(db, hashToken(token))) ?? null
}

/**
 * Sets a new password with a link out of the mailbox and a code of the code device, or a recovery code: the mailbox alone
 * is not enough. Works once; every session ends, the code device stays. Refuses RESET_VOID, INVALID_REQUEST for the new
 * password, CODE_REJECTED, CODE_LOCKED.
 */
export async function resetPassword(
  db: Db,
  sealer: Sealer,
  token: string,
  input: { newPassword: string; code: string },
): Promise<void> {
  const tokenHash = hashToken(token)
  const reset = await findOpenReset(db, tokenHash)
  if (reset === undefined) throw new Refusal('RESET_VOID')
  const passwordHash = await hashNewPassword(input.newPassword, reset)
  await spendCodeOrRecoveryCode(db, sealer, reset.personId, input.code)
  await db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, reset.personId)
    const at = await clock(trx)
    const { numUpdatedRows } = await trx
      .updateTable('passwordReset')
      .set({ usedAt: at })
      .where('tokenHash', '=', tokenHash)
      .where('usedAt', 'is', null)
      .where('expiresAt', '>', at)
      .executeTakeFirst()
    if (numUpdatedRows === 0n || !isOpen(person)) throw new Refusal('RESET_VOID')
    await setPassword(trx, person, passwordHash, { action: 'person.reset_password', sessionId: null, at })
  })
}

import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findPerson, lockPerson, type PersonRow } from '../../database/people/people.ts'
import { normalisePassword, passwordProblem } from '../../rules/passwords.ts'
import { Refusal } from '../../rules/refusals.ts'
import { hashPassword } from '../../secrets/passwords.ts'
import { returnSignIn, spendSignIn } from '../limits.ts'
import { passwordIsRight } from '../sign-in/accounts.ts'
import type { Bearer } from '../sign-in/bearers.ts'
import { endWhatRestedOnIt, recordAccountChange } from './changes.ts'

/** The stored form of a new password. Refuses INVALID_REQUEST for one that is too short, too long or easily guessed. */
export async function hashNewPassword(password: string, person: { email: string; name: string }): Promise<string> {
  const problem = passwordProblem(password, person)
  if (problem !== null) {
    throw new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/newPassword', message: problem }] })
  }
  return hashPassword(normalisePassword(password))
}

/** Gives the locked person another password; what rested on the old one ends. */
export async function setPassword(
  trx: Trx,
  person: PersonRow,
  passwordHash: string,
  by: { action: string; sessionId: string | null; at: Date },
): Promise<void> {
  const { action, sessionId, at } = by
  await trx.updateTable('person').set({ passwordHash, passwordChangedAt: at }).where('id', '=', person.id).execute()
  await endWhatRestedOnIt(trx, person.id, sessionId)
  await recordAccountChange(trx, person, { action, notice: 'password_changed', at })
}

async function refuseWrongPassword(db: Db, person: PersonRow, password: string, network: string): Promise<void> {
  await spendSignIn(db, network, person.email)
  if (!(await passwordIsRight(password, person.passwordHash))) {
    const errors = [{ pointer: '/password', message: 'That is not your present password.' }]
    throw new Refusal('INVALID_REQUEST', { errors })
  }
  await returnSignIn(db, network, person.email)
}

/**
 * Changes the password of whoever is signed in, who gives the present one again; wrong ones count as at the sign-in. Every
 * other session ends. Refuses INVALID_REQUEST for either password, TOO_MANY_REQUESTS, and NOT_AUTHENTICATED when it was
 * changed meanwhile.
 */
export async function changePassword(
  db: Db,
  bearer: Bearer,
  { password, newPassword, network }: { password: string; newPassword: string; network: string },
): Promise<void> {
  const person = await findPerson(db, bearer.actor.personId)
  if (person === undefined) throw new Refusal('NOT_AUTHENTICATED')
  await refuseWrongPassword(db, person, password, network)
  if (normalisePassword(password) === normalisePassword(newPassword)) {
    const errors = [{ pointer: '/newPassword', message: 'Choose another one than the present one.' }]
    throw new Refusal('INVALID_REQUEST', { errors })
  }
  const passwordHash = await hashNewPassword(newPassword, person)
  await db.transaction().execute(async (trx) => {
    const locked = await lockPerson(trx, person.id)
    if (locked.passwordHash !== person.passwordHash) throw new Refusal('NOT_AUTHENTICATED')
    const at = await clock(trx)
    await setPassword(trx, locked, passwordHash, { action: 'person.change_password', sessionId: bearer.id, at })
  })
}

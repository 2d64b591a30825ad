import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findPersonByEmail, lockPerson, type PersonRow } from '../../database/people/people.ts'
import { findOpenEmailChange } from '../../database/people/proofs.ts'
import { isUniqueViolation } from '../../database/violations.ts'
import { putLetter } from '../../outbox/letters.ts'
import { Refusal } from '../../rules/refusals.ts'
import { cleanEmail, EMAIL_PROBLEM } from '../../rules/text/names.ts'
import { hashToken, newToken } from '../../secrets/tokens.ts'
import { spendEmailChange } from '../limits.ts'
import { isOpen } from '../sign-in/accounts.ts'
import type { Bearer } from '../sign-in/bearers.ts'
import { endWhatRestedOnIt, recordAccountChange } from './changes.ts'

const CONFIRM_HOURS = 24

function refuse(message: string): Refusal {
  return new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/email', message }] })
}

/**
 * Sends a link to the new address, which changes it when it is confirmed within 24 hours; the one before is void. The
 * answer is the same where that address is somebody's already, and no letter goes there. Refuses INVALID_REQUEST, and
 * TOO_MANY_REQUESTS for more than five an hour.
 */
export async function askForEmailChange(db: Db, bearer: Bearer, input: { email: string }): Promise<void> {
  const { personId } = bearer.actor
  const email = cleanEmail(input.email)
  if (email === null) throw refuse(EMAIL_PROBLEM)
  if (email === bearer.email) throw refuse('That is your address already.')
  await spendEmailChange(db, personId)
  const token = newToken()
  const tokenHash = hashToken(token)
  await db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, personId)
    const at = await clock(trx)
    const expiresAt = new Date(at.getTime() + CONFIRM_HOURS * 3_600_000)
    await trx.deleteFrom('emailChange').where('personId', '=', personId).where('usedAt', 'is', null).execute()
    await trx.insertInto('emailChange').values({ tokenHash, personId, email, createdAt: at, expiresAt }).execute()
    const taken = await findPersonByEmail(trx, email)
    if (taken === undefined) await putLinkLetter(trx, person, { email, token, at, expiresAt })
  })
}

async function putLinkLetter(
  trx: Trx,
  person: PersonRow,
  link: { email: string; token: string; at: Date; expiresAt: Date },
): Promise<void> {
  await putLetter(trx, {
    naturalKey: `email-change|${hashToken(link.token).toString('hex')}`,
    kind: 'email-change',
    to: { name: person.name, address: link.email },
    facts: {
      path: `/email-change/${link.token}`,
      expiresAt: link.expiresAt.toISOString(),
      at: link.at.toISOString(),
      why: 'somebody entered your address as the new one of their account',
      timeZone: person.timeZone,
    },
    thread: null,
    at: link.at,
  })
}

/** What the link changes, or null when it was used, has run out or never was. */
export async function findEmailChange(db: Db, token: string): Promise<{ email: string; oldEmail: string } | null> {
  return (await findOpenEmailChange(db, hashToken(token))) ?? null
}

/** Takes the address if nobody has it by now. */
async function takeAddress(trx: Trx, personId: string, email: string, at: Date): Promise<void> {
  await trx
    .updateTable('person')
    .set({ email, emailChangedAt: at })
    .where('id', '=', personId)
    .execute()
    .catch((error: unknown) => {
      throw isUniqueViolation(error, 'person_email_key') ? new Refusal('RESET_VOID') : error
    })
}

/**
 * Changes the address that a person signs in with and gets letters at. The old one is told; every session ends but the one
 * that confirms, if it is the person's. Works once; refuses RESET_VOID.
 */
export async function confirmEmailChange(db: Db, token: string, bearer: Bearer | null): Promise<void> {
  const tokenHash = hashToken(token)
  const found = await findOpenEmailChange(db, tokenHash)
  if (found === undefined) throw new Refusal('RESET_VOID')
  const own = bearer?.complete === true && bearer.type === 'session' && bearer.actor.personId === found.personId
  await db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, found.personId)
    const at = await clock(trx)
    const used = await trx
      .updateTable('emailChange')
      .set({ usedAt: at })
      .where('tokenHash', '=', tokenHash)
      .where('usedAt', 'is', null)
      .where('expiresAt', '>', at)
      .returning('email')
      .executeTakeFirst()
    if (used === undefined || !isOpen(person)) throw new Refusal('RESET_VOID')
    await takeAddress(trx, person.id, used.email, at)
    await endWhatRestedOnIt(trx, person.id, own ? bearer.id : null)
    const change = { action: 'person.change_email', notice: 'email_changed', at } as const
    await recordAccountChange(trx, person, { ...change, facts: { from: person.email, to: used.email } })
  })
}

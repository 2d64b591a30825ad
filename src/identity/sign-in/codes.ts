import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import {
  acceptCodeStep,
  type CodeAttempt,
  findNextAttempt,
  takeCodeAttempt,
} from '../../database/people/code-attempts.ts'
import { findMemberships, lockPerson, type PersonRow } from '../../database/people/people.ts'
import { putLetter } from '../../outbox/letters.ts'
import { Refusal } from '../../rules/refusals.ts'
import { matchingTimeStep } from '../../secrets/codes.ts'
import type { Sealed, Sealer } from '../../secrets/sealing.ts'

const WRONG_CODES_TO_LOCK = 20

function boundTo(personId: string): string {
  return `person|${personId}|code`
}

/** The columns of a person's sealed code seed. */
export function sealCodeSeed(sealer: Sealer, personId: string, seed: string): Sealed {
  return sealer.seal(seed, boundTo(personId))
}

/** The seed, or the refusal `SECRET_UNAVAILABLE` when the master key at hand doesn't open it. */
export function openCodeSeed(sealer: Sealer, personId: string, sealed: Sealed): string {
  const seed = sealer.open(sealed, boundTo(personId))
  if (seed === null) throw new Refusal('SECRET_UNAVAILABLE')
  return seed
}

/**
 * Accepts a person's one-time code, and each code once. It is counted as wrong before it is looked at and the count is
 * cleared when it was right, so that however many come at once, five a quarter of an hour are looked at. Refuses with
 * `CODE_REJECTED`, or `CODE_LOCKED` and the seconds to wait; the twentieth wrong one in a row locks the person.
 */
export async function spendCode(db: Db, sealer: Sealer, personId: string, code: string): Promise<void> {
  await spendGuess(db, personId, (attempt) => isAccepted(db, sealer, personId, attempt, code))
}

/**
 * Counts whatever stands for the person's second factor as `spendCode` does; `accept` looks at it, and clears the count in
 * the transaction that uses it up.
 */
export async function spendGuess(
  db: Db,
  personId: string,
  accept: (attempt: CodeAttempt) => Promise<boolean>,
  rejected = new Refusal('CODE_REJECTED'),
): Promise<void> {
  const attempt = await takeCodeAttempt(db, personId)
  if (attempt === undefined) throw await lockedRefusal(db, personId)
  if (await accept(attempt)) return
  if (attempt.consecutiveWrongCodes >= WRONG_CODES_TO_LOCK) await lockAccount(db, personId)
  throw rejected
}

async function isAccepted(db: Db, sealer: Sealer, personId: string, attempt: CodeAttempt, code: string) {
  const seed = openCodeSeed(sealer, personId, { sealed: attempt.codeSeed, keyId: attempt.codeSeedKeyId })
  const timeStep = await matchingTimeStep(seed, code, attempt.at)
  if (timeStep === null) return false
  return db.transaction().execute((trx) => acceptCodeStep(trx, personId, attempt.codeSeed, timeStep))
}

async function lockedRefusal(db: Db, personId: string): Promise<Refusal> {
  const next = await findNextAttempt(db, personId)
  if (next !== null) return new Refusal('CODE_LOCKED', { retryAfterSeconds: next.seconds })
  return new Refusal('CODE_LOCKED', {
    detail: 'Too many wrong codes. This account is locked; ask the desk to open it.',
  })
}

/** Locks a person who still has the wrong codes to be locked for, ends their sessions and tells them by mail. */
async function lockAccount(db: Db, personId: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, personId)
    const at = await clock(trx)
    if (person.lockedAt !== null || person.consecutiveWrongCodes < WRONG_CODES_TO_LOCK) return
    await trx.updateTable('person').set({ lockedAt: at }).where('id', '=', personId).execute()
    await trx.deleteFrom('session').where('personId', '=', personId).execute()
    await trx.deleteFrom('stepUp').where('personId', '=', personId).execute()
    await putLockedLetter(trx, person, at)
    await recordLock(trx, personId, at)
  })
}

async function putLockedLetter(trx: Trx, person: PersonRow, at: Date): Promise<void> {
  await putLetter(trx, {
    naturalKey: `account-locked|${person.id}|${at.toISOString()}`,
    kind: 'account-locked',
    to: { name: person.name, address: person.email },
    facts: {
      who: null,
      at: at.toISOString(),
      why: `${WRONG_CODES_TO_LOCK} wrong one-time codes in a row were sent for your account`,
      path: '/',
      timeZone: person.timeZone,
    },
    thread: null,
    at,
  })
}

async function recordLock(trx: Trx, personId: string, at: Date): Promise<void> {
  const chains = (await findMemberships(trx, personId)).map((membership) => membership.organisationId).sort()
  const fact = { action: 'person.lock', actor: { kind: 'desk' }, facts: { person: personId } } as const
  for (const chain of chains.length === 0 ? [DESK_CHAIN] : chains) await recordAudit(trx, chain, at, fact)
}

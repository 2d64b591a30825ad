import { type Selectable, sql } from 'kysely'
import type { Db } from '../connect.ts'
import type { Database } from '../schema.ts'

export type LetterRow = Selectable<Database['letter']>

function fromNow(seconds: number) {
  return sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})`
}

/**
 * Claims up to `count` due letters, those due the longest first, and leases them for `leaseSeconds`: nobody else gets them
 * before that is over, and if whoever claimed them dies they are simply due again. Each claim counts as an attempt.
 */
export async function claimDueLetters(db: Db, count: number, leaseSeconds: number): Promise<LetterRow[]> {
  return db
    .with('due', (due) =>
      due
        .selectFrom('letter')
        .select('id')
        // now() rather than clock_timestamp(), which no index can be searched by
        .where('nextAttemptAt', '<=', sql<Date>`now()`)
        .orderBy('nextAttemptAt')
        .limit(count)
        .forUpdate()
        .skipLocked(),
    )
    .updateTable('letter')
    .from('due')
    .whereRef('letter.id', '=', 'due.id')
    .set((letter) => ({ attempts: letter('letter.attempts', '+', 1), nextAttemptAt: fromNow(leaseSeconds) }))
    .returningAll('letter')
    .execute()
}

/**
 * Records that the mail server accepted the letter, once: whoever else still holds it finds it sent. Links that are
 * secrets of their readers don't stay behind.
 */
export async function markLetterSent(db: Db, id: string): Promise<void> {
  await db
    .updateTable('letter')
    .set({
      sentAt: sql<Date>`clock_timestamp()`,
      nextAttemptAt: null,
      gaveUpAt: null,
      lastError: null,
      facts: sql<string>`case when kind in ('invitation', 'password-reset', 'email-change', 'lost-access', 'access-link') then jsonb_set(facts, '{path}', '"/"') else facts end`,
    })
    .where('id', '=', id)
    .where('sentAt', 'is', null)
    .execute()
}

/** A claim on a letter: it counts only as long as nobody has claimed the letter since. */
export type LetterClaim = Pick<LetterRow, 'id' | 'attempts'>

function heldLetter(db: Db, claim: LetterClaim) {
  return db
    .updateTable('letter')
    .where('id', '=', claim.id)
    .where('attempts', '=', claim.attempts)
    .where('nextAttemptAt', 'is not', null)
}

/** Makes a claimed letter due again in `seconds`, with what went wrong in words. */
export async function postponeLetter(db: Db, claim: LetterClaim, seconds: number, lastError: string): Promise<void> {
  await heldLetter(db, claim)
    .set({ nextAttemptAt: fromNow(seconds), lastError })
    .execute()
}

/** Gives a claimed letter up for good, with what went wrong in words. */
export async function giveUpLetter(db: Db, claim: LetterClaim, lastError: string): Promise<void> {
  await heldLetter(db, claim).set({ nextAttemptAt: null, gaveUpAt: sql<Date>`clock_timestamp()`, lastError }).execute()
}

/** How many letters wait to be sent. */
export async function countWaitingLetters(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom('letter')
    .select((is) => is.fn.countAll<string>().as('count'))
    .where('nextAttemptAt', 'is not', null)
    .executeTakeFirstOrThrow()
  return Number(count)
}

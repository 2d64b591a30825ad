import type { Trx } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import type { LetterContent } from './kinds/content.ts'

export type { Notice } from './kinds/account.ts'
export { type LetterContent, readContent } from './kinds/content.ts'
export { LETTER_KINDS, type LetterKind, ROTATION_LETTER_KINDS, type RotationLetterKind } from './kinds/names.ts'
export type { ItemFacts, RotationFacts } from './kinds/rotation.ts'

export type NewLetter = LetterContent & {
  /** What makes it this letter, recipient included: putting it twice leaves one. */
  naturalKey: string
  to: { name: string; address: string }
  /** The rotation's reference, whose letters make one thread. */
  thread: string | null
  at: Date
}

function rowOf(letter: NewLetter) {
  const id = newId('letter')
  return {
    id,
    naturalKey: letter.naturalKey,
    kind: letter.kind,
    toName: letter.to.name,
    toAddress: letter.to.address,
    facts: JSON.stringify(letter.facts),
    messageId: id,
    thread: letter.thread,
    createdAt: letter.at,
    nextAttemptAt: letter.at,
  }
}

/**
 * Puts letters in the outbox inside the caller's transaction: they go out if, and only if, that commits. The Message-ID
 * is fixed here, so that every delivery of a letter carries the same one.
 */
export async function putLetters(trx: Trx, letters: readonly NewLetter[]): Promise<void> {
  if (letters.length === 0) return
  await trx
    .insertInto('letter')
    .values(letters.map(rowOf))
    .onConflict((conflict) => conflict.column('naturalKey').doNothing())
    .execute()
}

/** The same for one letter. */
export async function putLetter(trx: Trx, letter: NewLetter): Promise<void> {
  await putLetters(trx, [letter])
}

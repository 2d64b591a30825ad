import type { Trx } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import { isWanted } from '../rules/letter-topics.ts'
import type { Role } from '../rules/permissions.ts'
import type { LetterContent } from './kinds/content.ts'

export type { Notice } from './kinds/account.ts'
export { type LetterContent, readContent } from './kinds/content.ts'
export { LETTER_KINDS, ROTATION_LETTER_KINDS, type RotationLetterKind } from './kinds/names.ts'
export type { RotationFacts } from './kinds/rotation.ts'

export type NewLetter = LetterContent & {
  /** What makes it this letter, recipient included: putting it twice leaves one. */
  naturalKey: string
  to: { name: string; address: string }
  /** The person it goes to and the role they get it in; left out where it goes to an address, whoever has it. */
  reader?: { personId: string; role: Role }
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

/** The letters whose readers have not switched them off: the one place where their choice is looked at. */
async function withoutMuted(trx: Trx, letters: readonly NewLetter[]): Promise<NewLetter[]> {
  const ids = [...new Set(letters.flatMap(({ reader }) => reader?.personId ?? []))]
  if (ids.length === 0) return [...letters]
  const people = await trx.selectFrom('person').select(['id', 'mutedTopics']).where('id', 'in', ids).execute()
  const mutedOf = new Map(people.map((person) => [person.id, person.mutedTopics]))
  return letters.filter(
    ({ kind, reader }) => reader === undefined || isWanted(kind, reader.role, mutedOf.get(reader.personId) ?? []),
  )
}

/**
 * Puts letters in the outbox inside the caller's transaction: they go out if, and only if, that commits, and their readers have not
 * switched them off. The Message-ID is fixed here, so that every delivery of a letter carries the same one.
 */
export async function putLetters(trx: Trx, letters: readonly NewLetter[]): Promise<void> {
  const wanted = await withoutMuted(trx, letters)
  if (wanted.length === 0) return
  await trx
    .insertInto('letter')
    .values(wanted.map(rowOf))
    .onConflict((conflict) => conflict.column('naturalKey').doNothing())
    .execute()
}

/** The same for one letter. */
export async function putLetter(trx: Trx, letter: NewLetter): Promise<void> {
  await putLetters(trx, [letter])
}

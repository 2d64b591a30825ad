import type { Db } from '../../src/database/connect.ts'
import { type LetterContent, type NewLetter, putLetter } from '../../src/outbox/letters.ts'
import { sampleRotationFacts } from '../../src/outbox/samples/rotation.ts'
import { SAMPLES } from '../../src/outbox/samples/samples.ts'

export const rotationFacts = sampleRotationFacts
export const SAMPLE_LETTERS: readonly LetterContent[] = SAMPLES

const AT = '2026-11-02T09:30:00.000Z'

let number = 0

/** A letter that nobody else has; due at once. */
export function sampleLetter(address: string, changes: Partial<NewLetter> = {}): NewLetter {
  const content: LetterContent = { kind: 'received', facts: rotationFacts('received') }
  const letter: NewLetter = {
    ...content,
    naturalKey: `sample/${++number}`,
    to: { name: 'Ada Owner', address },
    thread: 'ROT-1042',
    at: new Date(AT),
  }
  return Object.assign(letter, changes)
}

export async function putSample(db: Db, ...letters: NewLetter[]): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (const letter of letters) await putLetter(trx, letter)
  })
}

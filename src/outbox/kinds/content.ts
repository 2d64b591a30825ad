import { z } from 'zod'
import { accountLockedFacts, invitationFacts, linkFacts, noticeFacts } from './account.ts'
import { digestFacts } from './digest.ts'
import { ROTATION_LETTER_KINDS, type RotationLetterKind } from './names.ts'
import { rotationFacts } from './rotation.ts'

const letterContent = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(ROTATION_LETTER_KINDS), facts: rotationFacts }),
  z.object({ kind: z.literal('invitation'), facts: invitationFacts }),
  z.object({ kind: z.literal('account-locked'), facts: accountLockedFacts }),
  z.object({ kind: z.literal('password-reset'), facts: linkFacts }),
  z.object({ kind: z.literal('email-change'), facts: linkFacts }),
  z.object({ kind: z.literal('lost-access'), facts: linkFacts }),
  z.object({ kind: z.literal('access-link'), facts: linkFacts }),
  z.object({ kind: z.literal('security-notice'), facts: noticeFacts }),
  z.object({ kind: z.literal('digest'), facts: digestFacts }),
])
/** A letter's kind together with what its template needs. */
export type LetterContent = z.infer<typeof letterContent>

/** The content of a stored letter. Throws when it isn't what its kind needs. */
export function readContent(row: { kind: string; facts: unknown }): LetterContent {
  return letterContent.parse({ kind: row.kind, facts: row.facts })
}

export type RotationLetter = Extract<LetterContent, { kind: RotationLetterKind }>
export type OtherLetter = Exclude<LetterContent, RotationLetter>

export function isAboutRotation(letter: LetterContent): letter is RotationLetter {
  return 'ref' in letter.facts
}

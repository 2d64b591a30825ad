import { z } from 'zod'
import { severalLines } from '../../rules/text/foreign-text.ts'
import { cleanEmail, cleanName, EMAIL_PROBLEM, NAME_PROBLEM } from '../../rules/text/names.ts'

/** Text that a rule cleans; what the rule refuses is refused with its sentence. */
function cleaned(clean: (text: string) => string | null, message: string) {
  return z
    .string()
    .max(1_000)
    .transform((text, context) => {
      const result = clean(text)
      if (result !== null) return result
      context.issues.push({ code: 'custom', message, input: text })
      return z.NEVER
    })
}

export const name = cleaned(cleanName, NAME_PROBLEM)
export const email = cleaned(cleanEmail, EMAIL_PROBLEM)
export const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'This is not an id of this desk.')
export const ref = z.string().regex(/^ROT-\d{1,15}$/, 'A reference looks like ROT-1042.')
export const revision = z.int().min(1).max(2_147_483_647)
const MOMENT_PROBLEM = 'Write a time such as 2026-12-02T08:00:00Z.'
/** The years that can be written in UTC as RFC 3339 has it: an offset can lead out of the last. */
function isWritable(time: Date): boolean {
  return time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9999
}

/** A moment with its offset (RFC 3339), as a Date. */
export const moment = z.iso
  .datetime({ offset: true, error: MOMENT_PROBLEM })
  .transform((text) => new Date(text))
  .refine(isWritable, MOMENT_PROBLEM)

/** Foreign text of several lines, cleaned for showing, at most 2 000 characters. */
export const lines = z.string().max(2_000, 'Write at most 2000 characters.').transform(severalLines)
export const neededLines = lines.pipe(z.string().min(1, 'Write at least one word.'))

export const limit = z.coerce
  .number('Give a whole number from 1 to 100.')
  .int('Give a whole number from 1 to 100.')
  .min(1, 'Give a whole number from 1 to 100.')
  .max(100, 'Give a whole number from 1 to 100.')
  .default(25)
export const cursor = z.string().max(500).optional()

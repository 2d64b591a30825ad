import { z } from 'zod'
import type { Filing } from '../../../desk/submit.ts'
import { containsSecret } from '../../../rules/keys/secret-text.ts'
import { REFUSALS } from '../../../rules/refusals.ts'
import { REASONS } from '../../../rules/rotations/approvals.ts'
import { startIsTooFar } from '../../../rules/rotations/overlap.ts'
import { severalLines } from '../../../rules/text/foreign-text.ts'
import { parseLocalTime } from '../../../rules/text/local-times.ts'
import { overlapFields } from '../../forms/overlap.ts'

const many = z.preprocess(
  (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]),
  z.array(z.string()).min(1, 'Choose at least one key.').max(200, 'Choose at most 200 keys at once.'),
)

/** A start on the clocks of `timeZone`, or null for none. */
export function startField(timeZone: string) {
  return z
    .string()
    .trim()
    .default('')
    .transform((text, context) => {
      const start = text === '' ? null : parseLocalTime(text, timeZone)
      const tooFar = startIsTooFar(start, new Date())
      if (tooFar) context.addIssue({ code: 'custom', message: REFUSALS.START_TOO_FAR })
      if (text !== '' && start === null) {
        context.addIssue({ code: 'custom', message: 'Enter a date and a time, or leave it empty.' })
      }
      return start
    })
}

const verifiedBy = z
  .string()
  .trim()
  .max(500, 'Use at most 500 characters.')
  .transform(severalLines)
  .pipe(z.string().min(1, 'Say how you verified who was calling.'))
  .refine((text) => !containsSecret(text), REFUSALS.CONTAINS_SECRET)

type Special = { ofStaff: boolean; replaces: string | undefined }

/** What the staff add: who asked for it, and how they made sure of them. */
const onBehalfFields = z
  .object({ owner: z.string('Choose who asked for it.').min(1, 'Choose who asked for it.'), verifiedBy })
  .transform(({ owner, verifiedBy }) => ({ onBehalfOf: { personId: owner, verifiedBy } }))

/** What takes the place of another rotation does so since a key was leaked. */
const leak = z.literal('compromised', 'Only a leaked key is a reason to replace a rotation.')

function ordinaryFields(timeZone: string) {
  const details = z.string().trim().max(2000, 'Use at most 2000 characters.').transform(severalLines).default('')
  const fields = z.object({
    key: many,
    reason: z.enum(REASONS, 'Say why the keys are to be changed.'),
    details: details.refine((text) => !containsSecret(text), REFUSALS.CONTAINS_SECRET),
    notBefore: startField(timeZone),
    code: z.string().optional(),
    proposal: z.string().max(64).optional(),
  })
  return z.intersection(fields, overlapFields)
}

/**
 * Reads the form of a new rotation, its times on the clocks of `timeZone`, into what the desk files. Everything that can be
 * told to be wrong while the form is still in front of the person is told at once, each at its field.
 */
export function filingForm(timeZone: string, { ofStaff, replaces }: Special = { ofStaff: false, replaces: undefined }) {
  const nobody = z.object({}).transform(() => ({ onBehalfOf: undefined }))
  const reason = replaces === undefined ? z.unknown().optional() : leak
  const replacing = z.object({ reason }).transform(() => ({ replaces }))
  const fields = z.intersection(ordinaryFields(timeZone), replacing)
  return z.intersection(ofStaff ? onBehalfFields : nobody, fields).transform(({ key, code, proposal, ...filing }) => {
    const proposalId = proposal || undefined
    return { filing: { ...filing, proposalId, items: itemsOf(key) } satisfies Filing, keyIds: key, code }
  })
}

function itemsOf(keyIds: readonly string[]): Filing['items'] {
  return keyIds.map((keyId) => ({ keyId }))
}

import { z } from 'zod'
import { containsSecret } from '../../../rules/keys/secret-text.ts'
import { REFUSALS } from '../../../rules/refusals.ts'
import { severalLines } from '../../../rules/text/foreign-text.ts'
import type { Problems, Typed } from '../../forms/form.ts'

/** The forms of a rotation's page, each with the field that its text is typed in; no two have the same. */
export const FORM_TEXTS = {
  approve: 'note',
  reject: 'reason',
  ask: 'question',
  answer: 'answer',
  message: 'message',
  note: 'internalNote',
} as const
export type FormName = keyof typeof FORM_TEXTS

/** The form that a page comes back to, with what was typed in it; null for one that is always there. */
export type Opened = { form: FormName | null; values: Typed; problems?: Problems }

export function isFormName(text: string | undefined): text is FormName {
  return text !== undefined && text in FORM_TEXTS
}

/** Text that goes on record: cleaned, and refused with what to do instead when it looks like a key. */
export const text = z
  .string()
  .trim()
  .max(2000, 'Use at most 2000 characters.')
  .transform(severalLines)
  .refine((written) => !containsSecret(written), REFUSALS.CONTAINS_SECRET)

export function neededText(message: string) {
  return z.string(message).pipe(text).pipe(z.string().min(1, message))
}

export const revision = z.coerce.number().int()
/** When the page was shown, so that the stale page can tell what happened since. */
export const seenAt = z.iso.datetime().catch(new Date(0).toISOString())

import { z } from 'zod'
import { findServices, type ServiceView } from '../../database/keys/services.ts'
import type { Filing } from '../../desk/submit.ts'
import { containsSecret } from '../../rules/keys/secret-text.ts'
import { REFUSALS } from '../../rules/refusals.ts'
import { REASONS } from '../../rules/rotations/approvals.ts'
import { DAY_SECONDS, MAX_OVERLAP_SECONDS, startIsTooFar } from '../../rules/rotations/overlap.ts'
import { severalLines } from '../../rules/text/foreign-text.ts'
import { parseLocalTime } from '../../rules/text/local-times.ts'
import { durationInWords } from '../../rules/text/words.ts'
import type { WebContext } from '../context.ts'

const OTHER = 'other'
const CHOICES_SECONDS = [0, 3_600, DAY_SECONDS, 7 * DAY_SECONDS, 14 * DAY_SECONDS, MAX_OVERLAP_SECONDS] as const

/** The lengths of overlap to choose from, in seconds, and one for any other. */
export const OVERLAP_CHOICES: readonly { value: string; label: string }[] = [
  ...CHOICES_SECONDS.map((seconds) => ({
    value: String(seconds),
    label: seconds === 0 ? 'Not at all: stop them at once' : durationInWords(seconds),
  })),
  { value: OTHER, label: 'Another length' },
]

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

const overlapFields = z
  .object({
    overlap: z.enum([...CHOICES_SECONDS.map(String), OTHER], 'Choose how long the old keys go on working.'),
    otherDays: z.string().trim().default(''),
  })
  .transform(({ overlap, otherDays }, context) => {
    const overlapSeconds = overlap === OTHER ? secondsOfDays(otherDays) : Number(overlap)
    if (overlapSeconds === null) {
      context.addIssue({ code: 'custom', path: ['otherDays'], message: 'Enter a number of days from 0 to 30.' })
    }
    return { overlapSeconds: overlapSeconds ?? 0 }
  })

/**
 * Reads the form of a new rotation, its times on the clocks of `timeZone`, into what the desk files. Everything that can be
 * told to be wrong while the form is still in front of the person is told at once, each at its field.
 */
export function filingForm(timeZone: string) {
  const details = z.string().trim().max(2000, 'Use at most 2000 characters.').transform(severalLines).default('')
  return z
    .intersection(
      z.object({
        key: many,
        reason: z.enum(REASONS, 'Say why the keys are to be changed.'),
        details: details.refine((text) => !containsSecret(text), REFUSALS.CONTAINS_SECRET),
        notBefore: startField(timeZone),
        code: z.string().optional(),
      }),
      overlapFields,
    )
    .transform(({ key, reason, details, notBefore, code, overlapSeconds }) => {
      return { filing: filing(key, reason, details, notBefore, overlapSeconds), keyIds: key, code }
    })
}

function filing(
  keyIds: readonly string[],
  reason: Filing['reason'],
  details: string,
  notBefore: Date | null,
  overlapSeconds: number,
): Filing {
  return { items: keyIds.map((keyId) => ({ keyId })), reason, details, notBefore, overlapSeconds }
}

/** Null for what is no number of days from 0 to 30. */
export function secondsOfDays(text: string): number | null {
  const days = /^\d{1,2}([.,]\d{1,6})?$/.test(text) ? Number(text.replace(',', '.')) : Number.NaN
  const seconds = Math.round(days * DAY_SECONDS)
  return seconds >= 0 && seconds <= MAX_OVERLAP_SECONDS ? seconds : null
}

const AT_ONCE = 100

/** All the services whose keys a member may choose from, however many. */
export async function findOwnServices(c: WebContext, organisationId: string): Promise<ServiceView[]> {
  const services: ServiceView[] = []
  let cursor: string | undefined
  do {
    const page = await findServices(c.get('desk').db, { organisationId }, { cursor, limit: AT_ONCE })
    services.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return services
}

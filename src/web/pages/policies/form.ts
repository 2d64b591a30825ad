import { z } from 'zod'
import { LEAK_RESPONSES } from '../../../rules/policy.ts'
import { REASONS, type Reason } from '../../../rules/rotations/approvals.ts'
import { DAY_SECONDS, MAX_OVERLAP_SECONDS } from '../../../rules/rotations/overlap.ts'
import { durationInWords, secondsOf } from '../../../rules/text/words.ts'

/** Where a service may say for itself what the desk has anyway. */
export const AS_DESK = 'desk'
/** What stands in the field of addresses for no limit. */
export const ANYWHERE = 'anywhere'
const HOUR_SECONDS = 3_600
const MOST_COOLDOWN_SECONDS = 7 * DAY_SECONDS

/** The field of the longest overlap for one reason; named like the API's, so that a refusal finds it. */
export function overlapField(reason: Reason): string {
  return `overlapByReasonSeconds${reason.charAt(0).toUpperCase()}${reason.slice(1)}`
}

/** A duration as people type it, a bare number in units of `unit` seconds; blank gives null. */
function length(unit: number, max: number, message: string) {
  return z
    .string(message)
    .trim()
    .transform((text, context) => {
      if (text === '') return null
      const seconds = secondsOf(text, unit)
      if (seconds !== undefined && seconds <= max) return seconds
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    })
}

function whole(min: number, max: number) {
  const message = `Enter a whole number from ${min} to ${max}.`
  return z
    .string(message)
    .trim()
    .transform((text, context) => {
      if (text === '') return null
      const number = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN
      if (number >= min && number <= max) return number
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    })
}

function needed<T>(field: z.ZodType<T | null>, message: string) {
  return field.transform((value, context) => {
    if (value !== null) return value
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}

const OVERLAP_PROBLEM = 'Enter days from 0 to 30, or a time such as 12 hours.'
const WAIT_PROBLEM = 'Enter hours from 0 to 168, or a time such as 30 minutes.'
const overlapDays = length(DAY_SECONDS, MAX_OVERLAP_SECONDS, OVERLAP_PROBLEM)
const hours = length(HOUR_SECONDS, MOST_COOLDOWN_SECONDS, WAIT_PROBLEM)
const MOST_DAYS = 3_650
const ranges = z
  .string()
  .max(2_000, 'Use at most 2000 characters.')
  .transform((text) => text.split(/[\n,]/).flatMap((line) => line.trim() || []))
const code = z.string().optional()
const revision = z.coerce.number().int()
const keys = whole(2, 10_000)

const byReason = z
  .object(Object.fromEntries(REASONS.map((reason) => [overlapField(reason), overlapDays])))
  .transform((fields) => {
    const lengths = REASONS.map((reason) => [reason, fields[overlapField(reason)] ?? null] as const)
    return { overlapByReason: Object.fromEntries(lengths) }
  })

/** The form of the desk's policy. */
export const deskForm = z.intersection(
  z.object({
    code,
    revision,
    longestOverlapSeconds: needed(overlapDays, OVERLAP_PROBLEM),
    approvalsNeeded: z.enum(['1', '2']).transform(Number),
    selfService: z.enum(['yes', 'no']).transform((text) => text === 'yes'),
    cooldownSeconds: needed(hours, WAIT_PROBLEM),
    remindAgeDays: whole(1, MOST_DAYS),
    fileAgeDays: whole(1, MOST_DAYS),
    keysPerService: needed(keys, 'Enter a whole number from 2 to 10000.'),
    keysPerPerson: needed(whole(1, 100_000), 'Enter a whole number from 1 to 100000.'),
    filingsPerHour: needed(whole(1, 1_000_000), 'Enter a whole number from 1 to 1000000.'),
    resetsPerHour: needed(whole(1, 10_000), 'Enter a whole number from 1 to 10000.'),
    filingRanges: ranges,
    leakResponse: z.enum(LEAK_RESPONSES),
  }),
  byReason,
)

const asDesk = z.literal(AS_DESK).transform(() => null)

/** The form of what a service has of its own; blank is as the desk has it. */
export const serviceForm = z.intersection(
  z.object({
    code,
    revision,
    longestOverlapSeconds: overlapDays,
    approvalsNeeded: z.union([asDesk, z.enum(['1', '2']).transform(Number)]),
    selfService: z.union([asDesk, z.enum(['yes', 'no']).transform((text) => text === 'yes')]),
    cooldownSeconds: hours,
    remindAgeDays: whole(0, MOST_DAYS),
    fileAgeDays: whole(0, MOST_DAYS),
    keysPerService: keys,
    filingRanges: ranges.transform((lines) => {
      if (lines.length === 0) return null
      return lines.length === 1 && lines[0]?.toLowerCase() === ANYWHERE ? [] : lines
    }),
    leakResponse: z.union([asDesk, z.enum(LEAK_RESPONSES)]),
  }),
  byReason,
)

/** Whole days or hours as the field shows them, in words what is none, so that reading them again gives the same seconds. */
export function inUnits(seconds: number | null | undefined, unit: 'day' | 'hour'): string {
  if (seconds === null || seconds === undefined) return ''
  const whole = seconds / (unit === 'day' ? DAY_SECONDS : HOUR_SECONDS)
  return Number.isInteger(whole) ? String(whole) : durationInWords(seconds)
}

import { z } from 'zod'
import { type Clock, DAY_SECONDS, MAX_OVERLAP_SECONDS } from '../../rules/rotations/overlap.ts'
import { clockInWords, durationInWords } from '../../rules/text/words.ts'

type Wish = { overlapSeconds: number } & Clock
export type OverlapChoice = { value: string; label: string; hint?: string }

const OTHER = 'other'
const AT_ONCE = '0'
const LENGTHS_SECONDS = [3_600, DAY_SECONDS, 7 * DAY_SECONDS, 14 * DAY_SECONDS, MAX_OVERLAP_SECONDS] as const

/** What a person may choose that ends by an event, with the latest end; each key by itself. */
const CLOCKS = {
  pickup: { overlapSeconds: DAY_SECONDS, overlapEnds: 'on_pickup', graceSeconds: 0 },
  first_use: { overlapSeconds: MAX_OVERLAP_SECONDS, overlapEnds: 'on_first_use', graceSeconds: 3_600 },
} as const satisfies Record<string, Wish>
type ClockName = keyof typeof CLOCKS

function isClock(value: string): value is ClockName {
  return Object.hasOwn(CLOCKS, value)
}

const LENGTHS: readonly OverlapChoice[] = LENGTHS_SECONDS.map((seconds) => ({
  value: String(seconds),
  label: durationInWords(seconds),
}))
const NOW = {
  value: AT_ONCE,
  label: 'Not at all: stop them at once',
  hint: 'Calls fail until the new key is in place.',
}
const ON_PICKUP = {
  value: 'pickup',
  label: 'Until I have the new one, 24 hours at most',
  hint: 'Recommended in place of “at once”: an old key stops in the moment in which its new one is picked up.',
}
const ON_USE = {
  value: 'first_use',
  label: 'Until the new one is in use, 30 days at most',
  hint: 'An old key stops 1 hour after its new one is first used.',
}
const ANOTHER = { value: OTHER, label: 'Another length' }

/** The lengths that an answer may change a request to. */
export const OVERLAP_LENGTHS: readonly OverlapChoice[] = [{ value: NOW.value, label: NOW.label }, ...LENGTHS, ANOTHER]
/** How long old keys may go on working when keys are rolled, and when a rotation is requested. */
export const ROLL_CHOICES: readonly OverlapChoice[] = [NOW, ON_PICKUP, ON_USE, ...LENGTHS]
export const OVERLAP_CHOICES: readonly OverlapChoice[] = [...ROLL_CHOICES, ANOTHER]

/** Null for what is no number of days from 0 to 30. */
export function secondsOfDays(text: string): number | null {
  const days = /^\d{1,2}([.,]\d{1,6})?$/.test(text) ? Number(text.replace(',', '.')) : Number.NaN
  const seconds = Math.round(days * DAY_SECONDS)
  return seconds >= 0 && seconds <= MAX_OVERLAP_SECONDS ? seconds : null
}

const CHOOSE = 'Choose how long the old keys go on working.'

function wishOf(value: string): Wish {
  return isClock(value) ? CLOCKS[value] : { overlapSeconds: Number(value), overlapEnds: 'at_end', graceSeconds: 0 }
}

/** The longest that a choice lets old keys go on working, in seconds; NaN for one that leaves it open. */
export function longestOf(value: string): number {
  return wishOf(value).overlapSeconds
}

/** What of `ROLL_CHOICES` was chosen. */
export const rollField = z
  .enum(
    ROLL_CHOICES.map(({ value }) => value),
    CHOOSE,
  )
  .transform(wishOf)

/** What of `OVERLAP_CHOICES` was chosen, or how many days. */
export const overlapFields = z
  .object({
    overlap: z.enum(
      OVERLAP_CHOICES.map(({ value }) => value),
      CHOOSE,
    ),
    otherDays: z.string().trim().default(''),
  })
  .transform(({ overlap, otherDays }, context) => {
    if (overlap !== OTHER) return wishOf(overlap)
    const overlapSeconds = secondsOfDays(otherDays)
    if (overlapSeconds === null) {
      context.addIssue({ code: 'custom', path: ['otherDays'], message: 'Enter a number of days from 0 to 30.' })
    }
    return { ...wishOf(AT_ONCE), overlapSeconds: overlapSeconds ?? 0 }
  })

/** How long old keys go on working, as one line of an answer. */
export function overlapLines({ overlapSeconds, ...clock }: Wish): string[] {
  if (overlapSeconds === 0) return ['Not at all: they stop at once']
  const sooner = clockInWords(clock)
  const length = durationInWords(overlapSeconds)
  if (sooner === null) return [`${length} after the new ones are made`]
  return [`Each stops ${sooner}, at the latest ${length} after that was made`]
}

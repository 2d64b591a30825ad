import type { Reason } from './approvals.ts'

export const DAY_SECONDS = 86_400
/** The hard cap: no old key works longer than this after the new one was generated. */
export const MAX_OVERLAP_SECONDS = 30 * DAY_SECONDS
export const MAX_START_AHEAD_SECONDS = 90 * DAY_SECONDS
/** What ends an overlap: its time alone, or the first use or pick-up of the new version and a grace, when that is earlier. */
export const OVERLAP_ENDS = ['at_end', 'on_first_use', 'on_pickup'] as const
export type OverlapEnds = (typeof OVERLAP_ENDS)[number]
/** What ends an overlap before its time, and the seconds that the old version goes on working after that. */
export type Clock = { overlapEnds: OverlapEnds; graceSeconds: number }

/** The clock that was asked for: none where nothing was said. */
export function clockOf(wish: { overlapEnds?: OverlapEnds | undefined; graceSeconds?: number | undefined }): Clock {
  return { overlapEnds: wish.overlapEnds ?? 'at_end', graceSeconds: wish.graceSeconds ?? 0 }
}

/** The first of several ends, of which at least one is known. */
export function earliestEnd(times: readonly (Date | null)[]): Date {
  const known = times.filter((time) => time !== null).map((time) => time.getTime())
  return new Date(Math.min(...known))
}

function after(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000)
}

/**
 * When the old version stops: the earliest of generation + overlap, generation + 30 days, and the end it already had.
 * A rotation never lengthens a life: a key that was to end in 2 days still does, whatever overlap was asked for.
 */
export function overlapEnd(generatedAt: Date, overlapSeconds: number, endItHad: Date | null): Date {
  return earliestEnd([after(generatedAt, overlapSeconds), after(generatedAt, MAX_OVERLAP_SECONDS), endItHad])
}

/**
 * When the old version stops once the first use or pick-up of the new one has started the clock: a grace after that, and never later than
 * it would anyway. A new version that doesn't work yet takes nobody's place: then the grace counts from when it does.
 */
export function clockEnd(startedAt: Date, graceSeconds: number, newActiveFrom: Date, endItHas: Date): Date {
  const from = newActiveFrom > startedAt ? newActiveFrom : startedAt
  return earliestEnd([after(from, graceSeconds), endItHas])
}

/** How long a new version waits before it works: as its service has it, and not at all after a leak, which can't wait. */
export function cooldownFor(reason: Reason, cooldownSeconds: number): number {
  return reason === 'compromised' ? 0 : cooldownSeconds
}

/** When a version made now begins to work. */
export function activeFrom(generatedAt: Date, cooldownSeconds: number): Date {
  return after(generatedAt, cooldownSeconds)
}

/** What is wrong with a clock as it is asked for, at its field, or null. */
export function clockProblem({ overlapEnds, graceSeconds }: Clock): { pointer: string; message: string } | null {
  if (overlapEnds !== 'at_end' || graceSeconds === 0) return null
  return { pointer: '/graceSeconds', message: 'An overlap that ends when its time is over has no grace.' }
}

/** The latest end that more time can give an old version: 30 days from the generation, and never past the end it had by itself. */
export function latestEnd(generatedAt: Date, ownEnd: Date | null): Date {
  return earliestEnd([after(generatedAt, MAX_OVERLAP_SECONDS), ownEnd])
}

/** A start in the past, or none, means "as soon as approved". */
export function startsAt(notBefore: Date | null, now: Date): Date {
  return notBefore !== null && notBefore > now ? notBefore : now
}

export function startIsTooFar(notBefore: Date | null, now: Date): boolean {
  return notBefore !== null && notBefore > after(now, MAX_START_AHEAD_SECONDS)
}

/** A roll is refused when the key would expire by itself within the overlap, since the new version inherits that end. */
export function expiresInOverlap(start: Date, overlapSeconds: number, keyExpiresAt: Date | null): boolean {
  return keyExpiresAt !== null && keyExpiresAt <= after(start, overlapSeconds)
}

export const DAY_SECONDS = 86_400
/** The hard cap: no old key works longer than this after the new one was generated. */
export const MAX_OVERLAP_SECONDS = 30 * DAY_SECONDS
export const MAX_START_AHEAD_SECONDS = 90 * DAY_SECONDS
/** What ends an overlap: its time alone, or the first use or pick-up of the new version and a grace, when that is earlier. */
export const OVERLAP_ENDS = ['at_end', 'on_first_use', 'on_pickup'] as const
export type OverlapEnds = (typeof OVERLAP_ENDS)[number]

function earliest(times: readonly (Date | null)[]): Date {
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
  return earliest([after(generatedAt, overlapSeconds), after(generatedAt, MAX_OVERLAP_SECONDS), endItHad])
}

/** The latest end that more time can give an old version: 30 days from the generation, and never past the end it had by itself. */
export function latestEnd(generatedAt: Date, ownEnd: Date | null): Date {
  return earliest([after(generatedAt, MAX_OVERLAP_SECONDS), ownEnd])
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

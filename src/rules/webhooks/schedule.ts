/** Seconds from each failed attempt to the next (Standard Webhooks 1.0.0, "Deliverability and reliability"); the first is made at once. */
const WAITS_SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400] as const
/** An endpoint may ask for a longer wait, up to the longest there is anyway. */
const LONGEST_WAIT_SECONDS = 86_400
const JITTER = 0.1

/** Attempts in all, over three days and some hours, before a delivery is given up. */
export const WEBHOOK_ATTEMPTS = WAITS_SECONDS.length + 1

/**
 * Seconds until the attempt after the `attempts`-th, up to a tenth longer by `chance` (0 to 1), so that what failed together doesn't come
 * back together; no sooner than the endpoint asked for, within a day. Null when that was the last.
 */
export function nextAttemptInSeconds(attempts: number, chance: number, askedSeconds: number | null): number | null {
  const wait = WAITS_SECONDS[attempts - 1]
  if (wait === undefined) return null
  return Math.max(wait * (1 + JITTER * chance), pauseSeconds(askedSeconds) ?? 0)
}

/** The pause that an endpoint asked for, within a day; null for none. */
export function pauseSeconds(askedSeconds: number | null): number | null {
  return askedSeconds === null || askedSeconds <= 0 ? null : Math.min(askedSeconds, LONGEST_WAIT_SECONDS)
}

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** What `Retry-After` asks for (RFC 9110 §10.2.3), in whole seconds or as a date; null for anything else. */
export function readRetryAfter(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null
  if (/^\d{1,9}$/.test(header)) return Number(header)
  const until = HTTP_DATE.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(until) ? null : Math.max(0, Math.ceil((until - now.getTime()) / 1000))
}

import { Refusal } from './refusals.ts'
import type { Reason } from './rotations/approvals.ts'
import { formatTime } from './text/times.ts'
import { durationInWords } from './text/words.ts'

/** So long after a change of what proves who they are, a person neither files nor picks up new keys: a thief may have made it. */
export const HOLD_SECONDS = 72 * 3_600

/** When the password, code device and email of a person last changed; a first set-up is no change. */
export type AccountChanges = {
  passwordChangedAt: Date | null
  codeChangedAt: Date | null
  emailChangedAt: Date | null
}

/** The last of the changes, or null when there was none. */
export function lastAccountChange(changes: AccountChanges): Date | null {
  const { passwordChangedAt, codeChangedAt, emailChangedAt } = changes
  const times = [passwordChangedAt, codeChangedAt, emailChangedAt].filter((at) => at !== null)
  return times.toSorted((a, b) => b.getTime() - a.getTime())[0] ?? null
}

/** Until when the person is on hold, or null when they aren't; at that time to the millisecond the hold is over. */
export function holdUntil(changes: AccountChanges, now: Date): Date | null {
  const changedAt = lastAccountChange(changes)
  if (changedAt === null) return null
  const until = new Date(changedAt.getTime() + HOLD_SECONDS * 1000)
  return until > now ? until : null
}

/** A leak can't wait: filing it is allowed while on hold, and two agents decide. */
export function holdStopsFiling(reason: Reason): boolean {
  return reason !== 'compromised'
}

/**
 * Whether a person on hold may pick up a key all the same: one that was made since the one before was leaked, and filed after the change, so
 * that two agents approved it in the knowledge of that change.
 */
export function holdLetsPickUp(
  changes: AccountChanges,
  madeBy: { reason: Reason; approvalsNeeded: number; createdAt: Date } | null,
): boolean {
  const changedAt = lastAccountChange(changes)
  if (changedAt === null) return true
  if (madeBy === null || holdStopsFiling(madeBy.reason) || madeBy.approvalsNeeded < 2) return false
  return madeBy.createdAt > changedAt
}

/** The refusal of what has to wait, with the time until which. */
export function onHold(what: string, until: Date, timeZone: string, besides = ''): Refusal {
  const changed = `Your password, code device or email address changed less than ${durationInWords(HOLD_SECONDS)} ago`
  const detail = `${changed}, so ${what} has to wait until ${formatTime(until, timeZone)}.${besides}`
  return new Refusal('ON_HOLD', { detail })
}

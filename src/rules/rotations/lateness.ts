/** Work that is due this long and not done is shown as delayed. */
export const SHOWN_LATE_SECONDS = 60
/** The worker that finds itself this late tells the requester by letter as well. */
export const TOLD_LATE_SECONDS = 15 * 60

/** Whether what was due at `dueAt` is more than `seconds` late; what isn't due at all never is. */
export function isLate(dueAt: Date | null, now: Date, seconds: number): dueAt is Date {
  return dueAt !== null && now.getTime() - dueAt.getTime() > seconds * 1000
}

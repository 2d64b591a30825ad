import { clockOf } from '../../rules/rotations/overlap.ts'
import { clockInWords, count, durationInWords } from '../../rules/text/words.ts'
import type { RotationLetterKind } from '../kinds/names.ts'
import type { RotationFacts } from '../kinds/rotation.ts'
import { momentOrNull } from './text.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** What is left until an end, to the nearest day, hour or minute, as people say it: "7 days", "1 hour". */
export function leftInWords(milliseconds: number): string {
  if (milliseconds >= 1.5 * DAY) return count(Math.round(milliseconds / DAY), 'day')
  if (milliseconds >= 23.5 * HOUR) return '1 day'
  if (milliseconds >= 59.5 * MINUTE) return count(Math.round(milliseconds / HOUR), 'hour')
  return count(Math.max(1, Math.round(milliseconds / MINUTE)), 'minute')
}

export function approvalSentence(facts: RotationFacts, kind: RotationLetterKind): string {
  const { approvalsNeeded, approvalsGiven } = facts
  if (approvalsNeeded === 0) return 'Its services have self-service, so nobody else has to approve it.'
  if (kind === 'received' || kind === 'filed-on-behalf') {
    const who = approvalsNeeded === 2 ? 'Two support agents have' : 'A support agent has'
    const by = momentOrNull(facts.decideBy, facts.timeZone)
    return by === null ? `${who} to approve it.` : `${who} to approve it, by ${by.text} at the latest.`
  }
  if (approvalsNeeded < 2) return 'One approval is enough.'
  return approvalsGiven === 0
    ? 'It needs two approvals, by different people.'
    : 'One of the two approvals it needs is given; yours would be the second.'
}

/** What ends the overlap before its time, in words, or null. */
export function clockWords({ overlapEnds, graceSeconds }: RotationFacts): string | null {
  return clockInWords(clockOf({ overlapEnds, graceSeconds }))
}

export function overlapInWords(facts: RotationFacts): string {
  const { overlapSeconds } = facts
  if (overlapSeconds === 0) return 'none'
  const clock = clockWords(facts)
  const sooner = clock === null ? '' : `; each old key stops ${clock}, if that comes before`
  return `${durationInWords(overlapSeconds)} in which old and new keys both work${sooner}`
}

import type { LeakResponse, Policy, ServicePolicy } from '../../rules/policy.ts'
import { REASONS } from '../../rules/rotations/approvals.ts'
import { count, durationInWords, joinWords, REASON_WORDS } from '../../rules/text/words.ts'

export const LEAK_WORDS = {
  tell: 'Tell the owners and file a rotation',
  shorten: 'The same, and stop the leaked version within 24 hours',
  disable: 'The same, and stop the leaked version at once',
} as const satisfies Record<LeakResponse, string>

export function overlapWords(seconds: number): string {
  return seconds === 0 ? 'none: old keys stop at once' : durationInWords(seconds)
}

export function waitWords(seconds: number): string {
  return seconds === 0 ? 'they work at once' : durationInWords(seconds)
}

export function ageWords(days: number | null): string {
  return days === null || days === 0 ? 'never' : count(days, 'day')
}

export function rangeWords(ranges: readonly string[]): string {
  return ranges.length === 0 ? 'anywhere' : joinWords(ranges)
}

/** The longest overlaps of single reasons, one after the other. */
export function reasonWords(byReason: Policy['overlapByReason']): string[] {
  return REASONS.flatMap((reason) => {
    const seconds = byReason[reason]
    return seconds === undefined ? [] : [`“${REASON_WORDS[reason]}”: ${overlapWords(seconds)}`]
  })
}

/** What a service has of its own, in a few words each. */
export function ownWords(own: ServicePolicy): string[] {
  const said = <T>(value: T | null, words: (value: T) => string) => (value === null ? [] : [words(value)])
  return [
    ...said(own.longestOverlapSeconds, (seconds) => `longest overlap ${overlapWords(seconds)}`),
    ...said(own.overlapByReason, (byReason) => `overlap for ${joinWords(reasonWords(byReason))}`),
    ...said(own.approvalsNeeded, (needed) => count(needed, 'approval')),
    ...said(own.selfService, (on) => (on ? 'self-service' : 'no self-service')),
    ...said(own.cooldownSeconds, (seconds) => `new keys wait: ${waitWords(seconds)}`),
    ...said(own.remindAgeDays, (days) => `reminded of age: ${ageWords(days)}`),
    ...said(own.fileAgeDays, (days) => `filed for age: ${ageWords(days)}`),
    ...said(own.keysPerService, (keys) => `at most ${count(keys, 'key')}`),
    ...said(own.filingRanges, (ranges) => `filed from ${rangeWords(ranges)}`),
    ...said(own.leakResponse, (response) => `leaks: ${response}`),
  ]
}

import { cleanRanges } from './keys/addresses.ts'
import { longestOverlap, type OverlapByReason, type Policy, type ServicePolicy } from './policy.ts'
import type { FieldError } from './refusals.ts'
import { REASONS, type Reason } from './rotations/approvals.ts'
import { durationInWords, REASON_WORDS } from './text/words.ts'

/** What is set for the desk, some of it for the desk alone. */
export type DeskPolicy = Policy & { keysPerPerson: number; filingsPerHour: number; resetsPerHour: number }
/** The longest overlap of single reasons as a change gives them: null takes one away again, and what is left out stays. */
type OverlapChanges = { [R in Reason]?: number | null | undefined }
type Changes<T> = { [Term in Exclude<keyof T, 'overlapByReason'>]?: T[Term] | undefined } & {
  overlapByReason?: OverlapChanges | null | undefined
}
/** What of a policy is to be otherwise; what is left out stays. */
export type DeskPolicyChanges = Changes<DeskPolicy>
export type ServicePolicyChanges = Changes<ServicePolicy>

function changedOverlaps(before: OverlapByReason, changes: OverlapChanges): OverlapByReason {
  const after = REASONS.map((reason) => [reason, changes[reason] === undefined ? before[reason] : changes[reason]])
  return Object.fromEntries(after.filter(([, seconds]) => seconds !== undefined && seconds !== null))
}

function changed<T extends object>(before: T, changes: { [Term in keyof T]?: T[Term] | undefined }): T {
  const after = { ...before }
  for (const term in before) {
    const value = changes[term]
    if (value !== undefined) after[term] = value
  }
  return after
}

/** The policy of the desk with the changes made to it. */
export function changeDeskPolicy(before: DeskPolicy, { overlapByReason, ...changes }: DeskPolicyChanges): DeskPolicy {
  const byReason = overlapByReason === null ? {} : changedOverlaps(before.overlapByReason, overlapByReason ?? {})
  return { ...changed<DeskPolicy>(before, changes), overlapByReason: byReason }
}

/** What is set for a service with the changes made to it; null goes back to what the desk has. */
export function changeServicePolicy(
  before: ServicePolicy,
  { overlapByReason, ...changes }: ServicePolicyChanges,
): ServicePolicy {
  const byReason = overlapByReason === null ? {} : changedOverlaps(before.overlapByReason ?? {}, overlapByReason ?? {})
  const overlaps = Object.keys(byReason).length === 0 ? null : byReason
  return { ...changed<ServicePolicy>(before, changes), overlapByReason: overlaps }
}

/** Address ranges as they are kept. The error is at its field. */
export function cleanFilingRanges(ranges: readonly string[]): { ranges: string[] } | { error: FieldError } {
  const cleaned = cleanRanges(ranges)
  return 'ranges' in cleaned ? cleaned : { error: { pointer: '/filingRanges', message: cleaned.problem } }
}

/** Reasons longer than all reasons together may be: said rather than cut short in silence. */
function overlongReason(longest: number, byReason: OverlapByReason): FieldError | null {
  const reason = REASONS.find((each) => (byReason[each] ?? 0) > longest)
  if (reason === undefined) return null
  const message = `For “${REASON_WORDS[reason]}” it can’t be longer than for all reasons, ${durationInWords(longest)}.`
  return { pointer: `/overlapByReasonSeconds/${reason}`, message }
}

/** A cooldown is skipped for a leak; for every other reason an overlap as long as it has to be possible, or nothing could be filed. */
function overlongCooldown(policy: Policy): FieldError | null {
  const filed = REASONS.filter((reason) => reason !== 'compromised')
  const tight = filed.find((reason) => longestOverlap(policy, reason) < policy.cooldownSeconds)
  if (tight === undefined) return null
  const overlap = longestOverlap(policy, tight)
  const most = overlap === 0 ? 'stop at once' : `work for at most ${durationInWords(overlap)}`
  const message = `Old keys ${most} for “${REASON_WORDS[tight]}”, so a new key can’t wait for longer than that: nothing could be filed.`
  return { pointer: '/cooldownSeconds', message }
}

/**
 * What is nonsense about a policy, or null: `own` is what is set in the one place that is changed (the desk, or a service), `policy` what
 * comes of it.
 */
export function policyProblem(policy: Policy, own: { overlapByReason: OverlapByReason | null }): FieldError | null {
  return overlongReason(policy.longestOverlapSeconds, own.overlapByReason ?? {}) ?? overlongCooldown(policy)
}

type Fact = string | number | boolean | null | readonly string[]

function factOf(value: Fact | OverlapByReason): Fact {
  if (value === null || typeof value !== 'object') return value
  if (isList(value)) return value
  return Object.entries(value).map(([reason, seconds]) => `${reason} ${seconds}`)
}

function isList(value: object): value is readonly string[] {
  return Array.isArray(value)
}

/** Which terms are others than before, and as the audit trail keeps them: what was and what is. */
export function changeFacts<T extends { [Term in keyof T]: Fact | OverlapByReason }>(before: T, after: T) {
  const facts: Record<string, Fact> = {}
  const terms: string[] = []
  for (const term in before) {
    const [was, is] = [factOf(before[term]), factOf(after[term])]
    if (JSON.stringify(was) === JSON.stringify(is)) continue
    terms.push(term)
    facts[`${term}Before`] = was
    facts[`${term}After`] = is
  }
  return { terms, facts }
}

import { ipInRanges } from './keys/addresses.ts'
import { REASONS, type Reason } from './rotations/approvals.ts'

/** What happens to a version that was found where everybody can read it, from the mildest to the strictest. */
export const LEAK_RESPONSES = ['tell', 'shorten', 'disable'] as const
export type LeakResponse = (typeof LEAK_RESPONSES)[number]

/** The longest overlap in seconds for single reasons, below the longest of all. */
export type OverlapByReason = Partial<Record<Reason, number>>

/** What an admin sets for the desk and may set otherwise for one service. */
export type Policy = {
  longestOverlapSeconds: number
  overlapByReason: OverlapByReason
  /** 1 or 2; doubts may ask for two where the policy asks for one. */
  approvalsNeeded: number
  selfService: boolean
  /** How long after it was made a new version begins to work. */
  cooldownSeconds: number
  /** At this age of a key's newest version its owners are reminded; null: never. */
  remindAgeDays: number | null
  /** At this age a rotation is filed for them; null: never. */
  fileAgeDays: number | null
  keysPerService: number
  /** Addresses from which the organisation's people may file; none: from anywhere. */
  filingRanges: readonly string[]
  leakResponse: LeakResponse
}

/** What is set for one service: null (for a reason: nothing) means as the desk has it, and 0 for an age means never. */
export type ServicePolicy = { [Term in keyof Policy]: Policy[Term] | null }

/** The policy of a service: what is set for it, and else what the desk has. Lengths for single reasons are taken reason by reason. */
export function effectivePolicy(desk: Policy, own: ServicePolicy | undefined): Policy {
  return {
    longestOverlapSeconds: own?.longestOverlapSeconds ?? desk.longestOverlapSeconds,
    overlapByReason: { ...desk.overlapByReason, ...own?.overlapByReason },
    approvalsNeeded: own?.approvalsNeeded ?? desk.approvalsNeeded,
    selfService: own?.selfService ?? desk.selfService,
    cooldownSeconds: own?.cooldownSeconds ?? desk.cooldownSeconds,
    remindAgeDays: (own?.remindAgeDays ?? desk.remindAgeDays) || null,
    fileAgeDays: (own?.fileAgeDays ?? desk.fileAgeDays) || null,
    keysPerService: own?.keysPerService ?? desk.keysPerService,
    filingRanges: own?.filingRanges ?? desk.filingRanges,
    leakResponse: own?.leakResponse ?? desk.leakResponse,
  }
}

type Overlaps = Pick<Policy, 'longestOverlapSeconds' | 'overlapByReason'>

/** The longest overlap, in seconds, that a policy allows for a reason: that of the reason, never above the longest of all. */
export function longestOverlap(policy: Overlaps, reason: Reason): number {
  return Math.min(policy.longestOverlapSeconds, policy.overlapByReason[reason] ?? Number.POSITIVE_INFINITY)
}

/** What goes on holding for a rotation, whatever becomes of the policies it was filed under. */
export type FiledTerms = Overlaps & { approvalsNeeded: number }

/** What a filing over several services has to keep to: of each term the strictest. */
export type FilingTerms = {
  longestOverlapSeconds: number
  approvalsNeeded: number
  /** Only where all of them have it. */
  selfService: boolean
  /** The longest of them; each key waits for its own service's. */
  cooldownSeconds: number
  /** Of each service that limits them; an address has to lie within every one. */
  filingRanges: (readonly string[])[]
}

/** The strictest terms over the policies of the services that a filing is about, of which there is at least one. */
export function strictestTerms(policies: readonly Policy[], reason: Reason): FilingTerms {
  return {
    longestOverlapSeconds: Math.min(...policies.map((policy) => longestOverlap(policy, reason))),
    approvalsNeeded: Math.max(1, ...policies.map((policy) => policy.approvalsNeeded)),
    selfService: policies.length > 0 && policies.every((policy) => policy.selfService),
    cooldownSeconds: Math.max(0, ...policies.map((policy) => policy.cooldownSeconds)),
    filingRanges: policies.map((policy) => policy.filingRanges).filter((ranges) => ranges.length > 0),
  }
}

/** Whether somebody at this address may file under these terms; one whose address isn't known may only where no address is asked for. */
export function mayFileFrom(terms: FilingTerms, address: string | undefined): boolean {
  return terms.filingRanges.every((ranges) => address !== undefined && ipInRanges(address, ranges))
}

/** What a rotation over services with these policies is filed under, of which there is at least one: for every reason, since an answer may change it. */
export function filedTerms(policies: readonly Policy[]): FiledTerms {
  const longest = Math.min(...policies.map((policy) => policy.longestOverlapSeconds))
  const byReason = REASONS.map((reason) => [reason, strictestTerms(policies, reason).longestOverlapSeconds] as const)
  return {
    longestOverlapSeconds: longest,
    overlapByReason: Object.fromEntries(byReason.filter(([, seconds]) => seconds < longest)),
    approvalsNeeded: Math.max(1, ...policies.map((policy) => policy.approvalsNeeded)),
  }
}

import type { VerdictCode } from '../keys/verdict.ts'

export const SUSPICION_KINDS = ['new_network', 'refusals', 'retired_use'] as const
export type SuspicionKind = (typeof SUSPICION_KINDS)[number]

const WORDS = {
  new_network: 'used from a new network',
  refusals: 'refused many times in a short time',
  retired_use: 'a version that has ended is still used',
} as const satisfies Record<SuspicionKind, string>

/** What is odd, to stand after the name of the key: "refused many times in a short time, mostly from 198.51.100.0/24". */
export function suspicionInWords({ kind, network }: { kind: SuspicionKind; network: string }): string {
  if (network === '') return WORDS[kind]
  if (kind === 'new_network') return `used from the new network ${network}`
  return `${WORDS[kind]}, ${kind === 'refusals' ? 'mostly from' : 'from'} ${network}`
}

const DAY_MILLISECONDS = 86_400_000
const LEARNING_MILLISECONDS = 7 * DAY_MILLISECONDS
/** A key used from this many networks has no usual ones, such as one that is built into an app. */
const MANY_NETWORKS = 20

/** So many refusals of one version within so many minutes are a burst. */
export const BURST_COUNT = 20
export const BURST_MINUTES = 10

const RETIRED_CODES: readonly VerdictCode[] = ['REVOKED', 'ROLLED_BACK', 'EXPIRED']

/** Whether a verdict of this code was about a version whose time is over, and not about a good key used wrongly. */
export function isOfRetired(code: string): boolean {
  return RETIRED_CODES.some((retired) => retired === code)
}

/** The networks that a key was seen from before, over all its versions. */
export type NetworkHistory = { count: number; since: Date | null }

/**
 * Whether it is odd that a key is used from a network it was never seen from. Not in the first 7 days of its life or of what is known of
 * it, since everything is new then; not within ranges that its owners set; not when it is used from everywhere anyway.
 */
export function isOddNetwork(
  firstUsedAt: Date,
  key: { createdAt: Date; ipRanges: readonly string[] },
  history: NetworkHistory,
): boolean {
  if (history.since === null || key.ipRanges.length > 0 || history.count >= MANY_NETWORKS) return false
  const begun = Math.max(history.since.getTime(), key.createdAt.getTime())
  return firstUsedAt.getTime() - begun >= LEARNING_MILLISECONDS
}

export type Noticed = { kind: SuspicionKind; versionId: string; network: string }
export type Raised = Noticed & { id: string; dismissedAt: Date | null }

/** Beyond this many open ones of a kind for one key, further ones are counted with the newest: a scan must not fill the list. */
const MAX_OPEN = 5

/** A burst is one, from wherever it comes; the others are told apart by their network. */
function isSame(noticed: Noticed, raised: Raised): boolean {
  return raised.versionId === noticed.versionId && (noticed.kind === 'refusals' || raised.network === noticed.network)
}

function isQuiet({ kind }: Noticed, { dismissedAt }: Raised, now: Date): boolean {
  if (dismissedAt === null) return false
  return kind !== 'refusals' || now.getTime() - dismissedAt.getTime() < DAY_MILLISECONDS
}

/**
 * What becomes of something noticed, given what was raised of its kind for the key before, the newest first: it is raised, or counted
 * with an open one, or nothing, since somebody said of the very same that it is harmless (of a burst: within the last day).
 */
export function weigh(
  noticed: Noticed,
  raised: readonly Raised[],
  now: Date,
): { do: 'raise' } | { do: 'add'; id: string } | { do: 'nothing' } {
  const same = raised.filter((each) => isSame(noticed, each))
  const open = same.find(({ dismissedAt }) => dismissedAt === null)
  if (open !== undefined) return { do: 'add', id: open.id }
  if (same.some((each) => isQuiet(noticed, each, now))) return { do: 'nothing' }
  const openOfKind = raised.filter(({ dismissedAt }) => dismissedAt === null)
  const newest = openOfKind[0]
  return openOfKind.length >= MAX_OPEN && newest !== undefined ? { do: 'add', id: newest.id } : { do: 'raise' }
}

/** One letter a day about a key for each kind, and so many a day for an organisation: the list has them all. */
export function mayMail(mailedLately: { ofKeyAndKind: number; ofOrganisation: number }): boolean {
  return mailedLately.ofKeyAndKind === 0 && mailedLately.ofOrganisation < 10
}
export const MAIL_WINDOW_MILLISECONDS = DAY_MILLISECONDS

import type { ServiceView } from '../../../database/keys/services.ts'
import { findPolicies } from '../../../database/policy.ts'
import { holdToPolicy } from '../../../desk/filing/terms.ts'
import type { Policy } from '../../../rules/policy.ts'
import { MAX_OVERLAP_SECONDS } from '../../../rules/rotations/overlap.ts'
import { joinWords } from '../../../rules/text/words.ts'
import type { WebContext } from '../../context.ts'
import { longestOf, OVERLAP_CHOICES } from '../../forms/overlap.ts'
import { overlapWords, reasonWords } from '../../shown/policy-words.ts'
import type { Filed } from './check.ts'
import { findAllServices, type Side } from './side.ts'

function isLimited({ longestOverlapSeconds, overlapByReason }: Policy): boolean {
  return longestOverlapSeconds < MAX_OVERLAP_SECONDS || Object.keys(overlapByReason).length > 0
}

/** What the policy allows with a service, in words. */
function limitWords({ longestOverlapSeconds, overlapByReason, cooldownSeconds }: Policy): string {
  const byReason = reasonWords(overlapByReason)
  return joinWords([
    `at most ${overlapWords(longestOverlapSeconds)}`,
    ...byReason,
    ...(cooldownSeconds === 0 ? [] : [`at least ${overlapWords(cooldownSeconds)}, until the new key works`]),
  ])
}

/**
 * The lengths of overlap that any of the services allows, the longest of them first to be chosen, and why others are missing: which service
 * allows what is told where they differ, since which keys will be ticked isn't known yet.
 */
export async function offeredOverlaps(c: WebContext, services: readonly ServiceView[]) {
  const policies = await findPolicies(
    c.get('desk').db,
    services.map(({ id }) => id),
  )
  const longest = Math.max(0, ...[...policies.values()].map((policy) => policy.longestOverlapSeconds))
  const choices = OVERLAP_CHOICES.filter(({ value }) => !(longestOf(value) > longest))
  const limits = services.flatMap(({ id, name }) => {
    const policy = policies.get(id)
    const told = policy !== undefined && (isLimited(policy) || policy.cooldownSeconds > 0)
    return told ? [{ name, words: limitWords(policy) }] : []
  })
  const [first] = limits
  const isSame = limits.length === services.length && limits.every(({ words }) => words === first?.words)
  return {
    choices,
    usual: choices.at(-2)?.value,
    why: first !== undefined && isSame ? `By the policy of the desk: ${first.words}.` : null,
    limits: isSame ? [] : limits,
  }
}

/** Lets nobody go on to the last step with what the policy doesn't allow. Refuses as `holdToPolicy` does. */
export async function refuseAgainstPolicy(c: WebContext, side: Side, { filing, keyIds }: Filed): Promise<void> {
  const services = await findAllServices(c, side.organisationId, keyIds)
  const keys = services.flatMap((service) => service.keys).filter((key) => keyIds.includes(key.id))
  if (keys.length > 0) await holdToPolicy(c.get('desk').db, side.actor, filing, keys)
}

import type { Db } from '../../database/connect.ts'
import { findPolicies } from '../../database/policy.ts'
import type { KeyInService } from '../../database/rotations/locks.ts'
import type { ItemRow } from '../../database/schema.ts'
import type { Actor } from '../../rules/permissions.ts'
import { type FiledTerms, filedTerms, longestOverlap, mayFileFrom, strictestTerms } from '../../rules/policy.ts'
import { Refusal } from '../../rules/refusals.ts'
import type { Reason } from '../../rules/rotations/approvals.ts'
import { cooldownFor } from '../../rules/rotations/overlap.ts'
import { durationInWords, REASON_WORDS } from '../../rules/text/words.ts'
import type { Filing, SettledFiling } from './filing.ts'

/** What the policies make of a filing. */
export type UnderPolicy = {
  /** The filing, its overlap as long as the policy allows where it said nothing. */
  filing: SettledFiling
  /** Kept with the rotation: what goes on holding for it, whatever becomes of the policies. */
  terms: FiledTerms
  /** Whether every service that it is about has self-service. */
  selfService: boolean
}

type Request = { reason: Reason; overlapSeconds: number }

function refuseTooLong(terms: FiledTerms, { reason, overlapSeconds }: Request): void {
  const longest = longestOverlap(terms, reason)
  if (overlapSeconds <= longest) return
  const most = longest === 0 ? 'none at all' : `at most ${durationInWords(longest)}`
  const detail = `For the reason “${REASON_WORDS[reason]}” the policy allows an overlap of ${most} with these keys.`
  throw new Refusal('OVERLAP_TOO_LONG', { detail })
}

/** A new key that begins to work after the old one stopped would leave none that does. */
function refuseLateStart(cooldowns: readonly number[], { reason, overlapSeconds }: Request): void {
  const longest = Math.max(0, ...cooldowns)
  if (cooldownFor(reason, longest) <= overlapSeconds) return
  const detail = `A new key of one of these services begins to work ${durationInWords(longest)} after it was made, so the old one has to work for as long at least.`
  throw new Refusal('COOLDOWN_TOO_LONG', { detail })
}

/**
 * Holds a filing to the policies of its services as they are now: the strictest of each term. Refuses OVERLAP_TOO_LONG, COOLDOWN_TOO_LONG,
 * and NOT_FROM_HERE for people of the organisation whose address is none of those they may file from; the staff file from anywhere.
 */
export async function holdToPolicy(
  db: Db,
  actor: Actor,
  filing: Filing,
  keys: readonly Pick<KeyInService, 'serviceId'>[],
): Promise<UnderPolicy> {
  const policies = await findPolicies(db, [...new Set(keys.map((key) => key.serviceId))])
  const strictest = strictestTerms([...policies.values()], filing.reason)
  const ofOrganisation = actor.kind === 'person' && actor.organisationId !== null
  if (ofOrganisation && !mayFileFrom(strictest, actor.address)) throw new Refusal('NOT_FROM_HERE')
  const overlapSeconds = filing.overlapSeconds ?? strictest.longestOverlapSeconds
  const terms = filedTerms([...policies.values()])
  const request = { reason: filing.reason, overlapSeconds }
  refuseTooLong(terms, request)
  refuseLateStart([strictest.cooldownSeconds], request)
  return { filing: { ...filing, overlapSeconds }, terms, selfService: strictest.selfService }
}

/** What an answer changes stays within what the rotation was filed under. Refuses OVERLAP_TOO_LONG and COOLDOWN_TOO_LONG. */
export function refuseOverlong(terms: FiledTerms, items: readonly ItemRow[], before: Request, after: Request): void {
  if (before.reason === after.reason && before.overlapSeconds === after.overlapSeconds) return
  refuseTooLong(terms, after)
  refuseLateStart(
    items.map((item) => item.cooldownSeconds),
    after,
  )
}

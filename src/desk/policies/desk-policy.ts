import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { deskPolicyOf, lockDeskPolicy, servicePolicyOf } from '../../database/policy.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { effectivePolicy } from '../../rules/policy.ts'
import {
  changeDeskPolicy,
  changeFacts,
  cleanFilingRanges,
  type DeskPolicy,
  type DeskPolicyChanges,
  policyProblem,
} from '../../rules/policy-change.ts'
import { Refusal } from '../../rules/refusals.ts'

/** The addresses in one way of writing them. Refuses INVALID_REQUEST. */
export function cleaned<T extends { filingRanges?: readonly string[] | null | undefined }>(changes: T): T {
  if (changes.filingRanges === undefined || changes.filingRanges === null) return changes
  const result = cleanFilingRanges(changes.filingRanges)
  if ('error' in result) throw new Refusal('INVALID_REQUEST', { errors: [result.error] })
  return { ...changes, filingRanges: result.ranges }
}

/** Nobody overwrites what they haven't seen. Refuses STALE_REVISION. */
export function refuseStale(seen: number | undefined, revision: number): void {
  if (seen === undefined || seen === revision) return
  throw new Refusal('STALE_REVISION', { detail: 'The policy was changed since you opened it. Look at it again.' })
}

/** What a service has of its own must go on making sense beside what the desk gets. Refuses INVALID_REQUEST, with the service's name. */
async function refuseAgainstServices(trx: Trx, after: DeskPolicy): Promise<void> {
  const own = await trx
    .selectFrom('servicePolicy')
    .innerJoin('service', 'service.id', 'servicePolicy.serviceId')
    .selectAll('servicePolicy')
    .select('service.name')
    .where('service.deletedAt', 'is', null)
    .orderBy('service.id')
    .execute()
  for (const { name, ...row } of own) {
    const terms = servicePolicyOf(row)
    const problem = policyProblem(effectivePolicy(after, terms), terms)
    if (problem === null) continue
    const message = `It doesn’t fit what the service “${name}” has of its own. ${problem.message}`
    throw new Refusal('INVALID_REQUEST', { errors: [{ ...problem, message }] })
  }
}

async function write(trx: Trx, after: DeskPolicy, revision: number): Promise<void> {
  const { overlapByReason, filingRanges, ...terms } = after
  await trx
    .updateTable('policy')
    .set({ ...terms, overlapByReason: JSON.stringify(overlapByReason), filingRanges: [...filingRanges], revision })
    .execute()
}

/**
 * Changes the policy of the desk, for what is filed from now on: rotations that were filed keep the terms they were filed under. Services
 * with terms of their own keep those. A change that changes nothing is none. Refuses NOT_ALLOWED, STALE_REVISION (`seen` is no longer how
 * it is) and INVALID_REQUEST for what makes no sense.
 */
export async function changePolicy(
  db: Db,
  actor: PersonActor,
  changes: DeskPolicyChanges,
  seen?: number | undefined,
): Promise<void> {
  requireRole(actor, 'policy.manage')
  await db.transaction().execute(async (trx) => {
    const row = await lockDeskPolicy(trx, 'update')
    const before = deskPolicyOf(row)
    const after = changeDeskPolicy(before, cleaned(changes))
    const { terms, facts } = changeFacts(before, after)
    if (terms.length === 0) return
    // sent twice, it has been made already
    refuseStale(seen, row.revision)
    const problem = policyProblem(after, after)
    if (problem !== null) throw new Refusal('INVALID_REQUEST', { errors: [problem] })
    await refuseAgainstServices(trx, after)
    const at = await clock(trx)
    await write(trx, after, row.revision + 1)
    // the ages of keys are looked at anew, and not only at the next hour
    await trx.updateTable('organisation').set({ agesDueAt: at }).execute()
    await recordAudit(trx, DESK_CHAIN, at, { action: 'policy.change', actor, facts: { changed: terms, ...facts } })
  })
}

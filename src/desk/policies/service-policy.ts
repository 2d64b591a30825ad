import type { ExpressionBuilder } from 'kysely'
import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { deskPolicyOf, lockDeskPolicy, servicePolicyOf } from '../../database/policy.ts'
import type { Database } from '../../database/schema.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { effectivePolicy, type ServicePolicy } from '../../rules/policy.ts'
import {
  changeFacts,
  changeServicePolicy,
  policyProblem,
  type ServicePolicyChanges,
} from '../../rules/policy-change.ts'
import { Refusal } from '../../rules/refusals.ts'
import { cleaned, refuseStale } from './desk-policy.ts'

/** The organisation, then its service, as reviews and the watch of ages lock them too. Refuses NOT_FOUND. */
async function lockService(trx: Trx, id: string) {
  const owner = (is: ExpressionBuilder<Database, 'organisation'>) =>
    is.selectFrom('service').select('service.organisationId').where('service.id', '=', id)
  await trx.selectFrom('organisation').select('id').where('id', '=', owner).forNoKeyUpdate().execute()
  const service = await trx
    .selectFrom('service')
    .select(['id', 'organisationId'])
    .where('id', '=', id)
    .where('deletedAt', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (service === undefined) throw new Refusal('NOT_FOUND')
  const own = await trx.selectFrom('servicePolicy').selectAll().where('serviceId', '=', id).executeTakeFirst()
  return { ...service, terms: servicePolicyOf(own), revision: own?.revision ?? 0 }
}

async function write(trx: Trx, serviceId: string, after: ServicePolicy, revision: number): Promise<void> {
  const { overlapByReason, filingRanges, ...terms } = after
  const row = {
    ...terms,
    overlapByReason: overlapByReason === null ? null : JSON.stringify(overlapByReason),
    filingRanges: filingRanges === null ? null : [...filingRanges],
    revision,
  }
  await trx
    .insertInto('servicePolicy')
    .values({ serviceId, ...row })
    .onConflict((conflict) => conflict.column('serviceId').doUpdateSet(row))
    .execute()
}

/**
 * Changes what is set for one service, for what is filed from now on; null goes back to what the desk has. Written down with the desk and
 * with the organisation. Refuses NOT_ALLOWED, NOT_FOUND, STALE_REVISION and INVALID_REQUEST as `changePolicy` does.
 */
export async function changePolicyOfService(
  db: Db,
  actor: PersonActor,
  serviceId: string,
  changes: ServicePolicyChanges,
  seen?: number | undefined,
): Promise<void> {
  requireRole(actor, 'policy.manage')
  await db.transaction().execute(async (trx) => {
    const desk = deskPolicyOf(await lockDeskPolicy(trx, 'share'))
    const service = await lockService(trx, serviceId)
    const after = changeServicePolicy(service.terms, cleaned(changes))
    const { terms, facts } = changeFacts(service.terms, after)
    if (terms.length === 0) return
    // sent twice, it has been made already
    refuseStale(seen, service.revision)
    const problem = policyProblem(effectivePolicy(desk, after), after)
    if (problem !== null) throw new Refusal('INVALID_REQUEST', { errors: [problem] })
    const at = await clock(trx)
    await write(trx, serviceId, after, service.revision + 1)
    await trx.updateTable('organisation').set({ agesDueAt: at }).where('id', '=', service.organisationId).execute()
    const fact = { action: 'policy.change', actor, facts: { service: serviceId, changed: terms, ...facts } }
    // in the order in which every verb locks the heads of several chains
    for (const chain of [DESK_CHAIN, service.organisationId].sort()) await recordAudit(trx, chain, at, fact)
  })
}

import { type Selectable, sql } from 'kysely'
import type { Environment } from '../rules/keys/key-text.ts'
import { effectivePolicy, type Policy, type ServicePolicy } from '../rules/policy.ts'
import type { DeskPolicy } from '../rules/policy-change.ts'
import type { Db, Trx } from './connect.ts'
import { decodeCursor, ID, type Page, toPage } from './cursor.ts'
import type { Database } from './schema.ts'

export type DeskPolicyRow = Selectable<Database['policy']>
export type ServicePolicyRow = Selectable<Database['servicePolicy']>

/** The policy of the desk, of which there is one. */
export async function findPolicy(db: Db): Promise<DeskPolicyRow> {
  return db.selectFrom('policy').selectAll().executeTakeFirstOrThrow()
}

/** The same, held: for changing it, or so that it stays as it is while that of a service is changed. */
export async function lockDeskPolicy(trx: Trx, mode: 'update' | 'share'): Promise<DeskPolicyRow> {
  const query = trx.selectFrom('policy').selectAll()
  return (mode === 'update' ? query.forUpdate() : query.forShare()).executeTakeFirstOrThrow()
}

/** The terms of a row, without what it is kept by. */
export function deskPolicyOf({ only: _only, revision: _revision, ...terms }: DeskPolicyRow): DeskPolicy {
  return terms
}

/** What is set for a service, of which nothing may be. */
export function servicePolicyOf(row: ServicePolicyRow | undefined): ServicePolicy {
  return {
    longestOverlapSeconds: row?.longestOverlapSeconds ?? null,
    overlapByReason: row?.overlapByReason ?? null,
    approvalsNeeded: row?.approvalsNeeded ?? null,
    selfService: row?.selfService ?? null,
    cooldownSeconds: row?.cooldownSeconds ?? null,
    remindAgeDays: row?.remindAgeDays ?? null,
    fileAgeDays: row?.fileAgeDays ?? null,
    keysPerService: row?.keysPerService ?? null,
    filingRanges: row?.filingRanges ?? null,
    leakResponse: row?.leakResponse ?? null,
  }
}

/** What is set for single services, by service; those for which nothing is are left out. */
export async function findServicePolicies(
  db: Db,
  serviceIds: readonly string[],
): Promise<ReadonlyMap<string, ServicePolicyRow>> {
  if (serviceIds.length === 0) return new Map()
  const rows = await db.selectFrom('servicePolicy').selectAll().where('serviceId', 'in', serviceIds).execute()
  return new Map(rows.map((row) => [row.serviceId, row]))
}

/**
 * The policy of each service in the order they are named, each once: what is set for it, else what the desk has. Read inside a verb's
 * transaction, it is as it stood at that read.
 */
export async function findPolicies(
  db: Db,
  serviceIds: readonly string[],
): Promise<ReadonlyMap<string, Policy & { serviceId: string }>> {
  const desk = await findPolicy(db)
  const own = await findServicePolicies(db, serviceIds)
  return new Map(
    serviceIds.map((serviceId) => [serviceId, { serviceId, ...effectivePolicy(desk, own.get(serviceId)) }]),
  )
}

type OwnPolicy = ServicePolicyRow & {
  service: { id: string; name: string; environment: Environment; organisationId: string; organisationName: string }
}

/** A page of the services that have terms of their own, in the order in which they were made. */
export async function findOwnPolicies(
  db: Db,
  { organisationId, cursor, limit }: { organisationId?: string; cursor?: string | undefined; limit: number },
): Promise<Page<OwnPolicy>> {
  let query = db
    .selectFrom('servicePolicy')
    .innerJoin('service', 'service.id', 'servicePolicy.serviceId')
    .innerJoin('organisation', 'organisation.id', 'service.organisationId')
    .selectAll('servicePolicy')
    .select(['service.id', 'service.name', 'service.environment'])
    .select(['organisation.id as organisationId', 'organisation.name as organisationName'])
    .where('service.deletedAt', 'is', null)
    .where(sql<boolean>`num_nonnulls(longest_overlap_seconds, overlap_by_reason, approvals_needed, self_service, cooldown_seconds,
      remind_age_days, file_age_days, keys_per_service, filing_ranges, leak_response) > 0`)
  if (organisationId !== undefined) query = query.where('service.organisationId', '=', organisationId)
  if (cursor !== undefined) query = query.where('service.id', '>', decodeCursor(cursor, [ID])[0] ?? '')
  const rows = await query
    .orderBy('service.id')
    .limit(limit + 1)
    .execute()
  const found = rows.map(({ id, name, environment, organisationId, organisationName, ...row }) => {
    return { ...row, service: { id, name, environment, organisationId, organisationName } }
  })
  return toPage(found, limit, ({ service }) => [service.id])
}

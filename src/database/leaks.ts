import { sql } from 'kysely'
import type { KeyKind } from '../rules/keys/key-text.ts'
import type { LeakResponse } from '../rules/policy.ts'
import type { Db } from './connect.ts'
import { decodeCursor, ID, type Page, toPage } from './cursor.ts'

export type LeakedVersion = {
  versionId: string
  keyId: string
  serviceId: string
  organisationId: string
  /** In hex, as whoever asked has it. */
  hash: string
}

/** The versions of these hashes (SHA-256), whatever became of them; those that the desk never had are left out. */
export async function findLeakedVersions(db: Db, hashes: readonly Buffer[]): Promise<LeakedVersion[]> {
  if (hashes.length === 0) return []
  return db
    .selectFrom('version')
    .innerJoin('key', 'key.id', 'version.keyId')
    .select(['version.id as versionId', 'key.id as keyId', 'key.serviceId', 'key.organisationId'])
    .select(sql<string>`encode(version.hash, 'hex')`.as('hash'))
    .where(sql<boolean>`version.hash = any (${hashes}::bytea[])`)
    .execute()
}

export type LeakReportView = {
  id: string
  keyId: string
  versionId: string
  organisationId: string
  organisation: string
  service: string
  environment: 'live' | 'sandbox'
  key: string
  kind: KeyKind
  last4: string
  source: string
  url: string
  receivedAt: Date
  response: LeakResponse
  rotationRef: string | null
}

/** A page of the reports of leaks, the newest first. */
export async function findLeakReports(
  db: Db,
  filter: { cursor?: string | undefined; limit: number },
): Promise<Page<LeakReportView>> {
  let query = db
    .selectFrom('leakReport')
    .innerJoin('version', 'version.id', 'leakReport.versionId')
    .innerJoin('key', 'key.id', 'version.keyId')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .innerJoin('organisation', 'organisation.id', 'leakReport.organisationId')
    .select([
      'leakReport.id',
      'leakReport.versionId',
      'version.keyId',
      'leakReport.organisationId',
      'organisation.name as organisation',
    ])
    .select(['service.name as service', 'service.environment', 'key.name as key', 'key.kind', 'version.last4'])
    .select(['leakReport.source', 'leakReport.url', 'leakReport.receivedAt', 'leakReport.response'])
    .select('leakReport.rotationRef')
  if (filter.cursor !== undefined) {
    const [id = ''] = decodeCursor(filter.cursor, [ID])
    query = query.where('leakReport.id', '<', id)
  }
  const rows = await query
    .orderBy('leakReport.id', 'desc')
    .limit(filter.limit + 1)
    .execute()
  return toPage(rows, filter.limit, (row) => [row.id])
}

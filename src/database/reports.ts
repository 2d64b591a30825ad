import { type Selectable, sql } from 'kysely'
import type { Db } from './connect.ts'
import { decodeCursor, ID, type Page, POSITION, toPage } from './cursor.ts'
import type { Database } from './schema.ts'

export type ReportRow = Selectable<Database['reportRow']>
export type OrganisationRow = ReportRow & { organisation: string }

/** The figures of some months, of one organisation or, with null, of all together; a month without a rotation has no row. */
export async function findReportMonths(
  db: Db,
  organisationId: string | null,
  months: readonly string[],
): Promise<ReportRow[]> {
  return db
    .selectFrom('reportRow')
    .selectAll()
    .where('month', 'in', months)
    .where('organisationId', '=', organisationId ?? '')
    .orderBy('month', 'desc')
    .execute()
}

/** A page of the organisations that filed something in a month, those that filed most first. Refuses INVALID_REQUEST for a cursor that isn't ours. */
export async function findReportOrganisations(
  db: Db,
  month: string,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<Page<OrganisationRow>> {
  const [filed = '', id = ''] = cursor === undefined ? [] : decodeCursor(cursor, [POSITION, ID])
  let query = db
    .selectFrom('reportRow')
    .innerJoin('organisation', 'organisation.id', 'reportRow.organisationId')
    .selectAll('reportRow')
    .select('organisation.name as organisation')
    .where('reportRow.month', '=', month)
  if (cursor !== undefined) {
    query = query.where(sql<boolean>`(report_row.filed, report_row.organisation_id) < (${Number(filed)}, ${id})`)
  }
  const rows = await query
    .orderBy('reportRow.filed', 'desc')
    .orderBy('reportRow.organisationId', 'desc')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, (row) => [String(row.filed), row.organisationId])
}

/** Some rows of the whole report, the newest month first; `after` is the last one seen. */
export async function findReportRows(
  db: Db,
  after: Pick<ReportRow, 'month' | 'organisationId'> | null,
  limit: number,
): Promise<(ReportRow & { organisation: string | null })[]> {
  let query = db
    .selectFrom('reportRow')
    .leftJoin('organisation', 'organisation.id', 'reportRow.organisationId')
    .selectAll('reportRow')
    .select('organisation.name as organisation')
  if (after !== null) {
    const { month, organisationId } = after
    query = query.where(sql<boolean>`(report_row.month, report_row.organisation_id) < (${month}, ${organisationId})`)
  }
  return query.orderBy('reportRow.month', 'desc').orderBy('reportRow.organisationId', 'desc').limit(limit).execute()
}

/** Up to when everything that happened is in the figures; null: up to now. */
export async function findReportLag(db: Db): Promise<Date | null> {
  const first = await db.selectFrom('reportChange').select('at').orderBy('id').limit(1).executeTakeFirst()
  return first?.at ?? null
}

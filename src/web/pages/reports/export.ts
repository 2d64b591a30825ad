import { findReportRows, type ReportRow } from '../../../database/reports.ts'
import { csvLine } from '../../../rules/text/csv.ts'
import { actorFor, type WebContext } from '../../context.ts'
import { sendCsv } from '../../csv.ts'

const AT_ONCE = 500
const COLUMNS = [
  'filed',
  'firstResponseMedianSeconds',
  'firstResponseP90Seconds',
  'decisionMedianSeconds',
  'decisionP90Seconds',
  'keysMedianSeconds',
  'keysP90Seconds',
  'failed',
  'rolledBack',
  'extended',
] as const satisfies readonly (keyof ReportRow)[]

async function* csvOf(c: WebContext): AsyncGenerator<string> {
  yield csvLine(['month', 'organisation', 'organisation id', ...COLUMNS])
  let after: ReportRow | null = null
  do {
    const rows: Awaited<ReturnType<typeof findReportRows>> = await findReportRows(c.get('desk').db, after, AT_ONCE)
    yield rows
      .map((row) =>
        csvLine([row.month, row.organisation ?? 'all', row.organisationId, ...COLUMNS.map((name) => row[name])]),
      )
      .join('')
    after = rows.length < AT_ONCE ? null : (rows.at(-1) ?? null)
  } while (after !== null)
}

/** Every month and organisation, for a spreadsheet. */
export function exportReports(c: WebContext): Response {
  actorFor(c, 'reports.view')
  return sendCsv(c, 'reports', csvOf(c))
}

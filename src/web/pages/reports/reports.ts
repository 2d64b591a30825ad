import { findFirstOrganisationNames, findOrganisation } from '../../../database/people/organisations.ts'
import { findReportLag, findReportMonths, findReportOrganisations } from '../../../database/reports.ts'
import { shortId } from '../../../rules/text/foreign-text.ts'
import { isMonth, monthOf, monthsUpTo, monthWord } from '../../../rules/text/months.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { shownTime } from '../../shown/times.ts'
import { exportReports } from './export.ts'
import { COUNTS, figureCells, TIMES } from './figures.ts'
import { plotsOf } from './plots.ts'

const MONTHS = 12
const AT_ONCE = 25
/** More than these nobody looks through in a list; the table by organisation leads to the others. */
const MOST_ORGANISATIONS = 100
/** What is older than this is late: a month rests for one minute at most. */
const LATE_MILLISECONDS = 300_000

type Wanted = { month: string; organisationId: string | null }

function address({ month, organisationId }: Wanted): string {
  return `/reports?${new URLSearchParams({ month, ...(organisationId === null ? {} : { organisation: organisationId }) })}`
}

async function organisationFacts(c: WebContext, { organisationId }: Wanted) {
  const { db } = c.get('desk')
  const names = await findFirstOrganisationNames(db, MOST_ORGANISATIONS + 1)
  const chosen = organisationId === null ? undefined : await findOrganisation(db, organisationId)
  const few = names.length <= MOST_ORGANISATIONS
  return {
    organisation: chosen === undefined ? null : shownOrganisation(chosen.id, chosen.name),
    organisations: few
      ? names.map(({ id, name }) => ({ id, label: `${name} ${shortId(id)}`, chosen: id === organisationId }))
      : null,
  }
}

/** The organisations of the chosen month, each with the way to its own report. */
async function byOrganisation(c: WebContext, wanted: Wanted) {
  if (wanted.organisationId !== null) return { organisationRows: [], nextHref: null }
  const page = await findReportOrganisations(c.get('desk').db, wanted.month, {
    cursor: c.req.query('after'),
    limit: AT_ONCE,
  })
  return {
    organisationRows: page.items.map((row) => ({
      organisation: shownOrganisation(row.organisationId, row.organisation),
      href: address({ ...wanted, organisationId: row.organisationId }),
      cells: figureCells(row),
    })),
    nextHref: page.nextCursor === null ? null : `${address(wanted)}&after=${encodeURIComponent(page.nextCursor)}`,
  }
}

async function show(c: WebContext): Promise<Response> {
  actorFor(c, 'reports.view')
  const { timeZone } = bearerOf(c)
  const now = new Date()
  const asked = c.req.query('month') ?? ''
  const organisation = /^[A-Za-z0-9_-]{1,64}$/.exec(c.req.query('organisation') ?? '')?.[0] ?? null
  const wanted = { month: isMonth(asked) ? asked : monthOf(now), organisationId: organisation }
  const months = monthsUpTo(monthOf(now), MONTHS)
  const rows = await findReportMonths(c.get('desk').db, wanted.organisationId, months)
  const lag = await findReportLag(c.get('desk').db)
  return showPage(c, 'reports', {
    title: 'Reports',
    ...(await organisationFacts(c, wanted)),
    month: wanted.month,
    asOf: shownTime(lag ?? now, timeZone),
    late: lag !== null && now.getTime() - lag.getTime() > LATE_MILLISECONDS,
    plots: plotsOf(months, rows),
    columns: [...TIMES.map(({ title }) => title)],
    counts: COUNTS.map(({ title }) => title),
    rows: rows.map((row) => ({
      month: monthWord(row.month),
      href: address({ ...wanted, month: row.month }),
      cells: figureCells(row),
    })),
    monthWord: monthWord(wanted.month),
    ...(await byOrganisation(c, wanted)),
  })
}

export function addReports(app: App): void {
  app.get('/reports', show)
  app.get('/reports/export', exportReports)
}

import { findLeakReports, type LeakReportView } from '../../../database/leaks.ts'
import type { LeakResponse } from '../../../rules/policy.ts'
import { keyWords } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { shownTime } from '../../shown/times.ts'

const AT_ONCE = 25

const RESPONSE_WORDS = {
  tell: 'Told the owners',
  shorten: 'Stops within a day',
  disable: 'Stopped at once',
} as const satisfies Record<LeakResponse, string>

function shownReport(report: LeakReportView, timeZone: string) {
  const { source, url, last4, service, environment, rotationRef } = report
  return {
    keyWord: keyWords({ kind: report.kind, name: report.key }),
    service,
    live: environment === 'live',
    last4,
    organisation: shownOrganisation(report.organisationId, report.organisation),
    source,
    url: url === '' ? null : url,
    receivedAt: shownTime(report.receivedAt, timeZone),
    responseWord: RESPONSE_WORDS[report.response],
    rotation: rotationRef === null ? null : { ref: rotationRef, href: `/rotations/${rotationRef}` },
  }
}

async function show(c: WebContext): Promise<Response> {
  actorFor(c, 'leaks.view')
  const { timeZone } = bearerOf(c)
  const { db, config } = c.get('desk')
  const page = await findLeakReports(db, { cursor: c.req.query('after'), limit: AT_ONCE })
  return showPage(c, 'leaks', {
    title: 'Leaked keys',
    reports: page.items.map((report) => shownReport(report, timeZone)),
    nextHref: page.nextCursor === null ? null : `/desk/leaks?after=${encodeURIComponent(page.nextCursor)}`,
    off: config.githubKeysUrl === undefined && config.leakReportSecret === undefined,
  })
}

/** What was reported of keys that were found where everybody can read them. */
export function addLeaks(app: App): void {
  app.get('/desk/leaks', show)
}

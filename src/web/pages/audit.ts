import { z } from 'zod'
import { searchTrail } from '../../database/audit/search.ts'
import { findOrganisationNames } from '../../database/people/organisations.ts'
import { shortId } from '../../rules/text/foreign-text.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import type { Problems } from '../forms/form.ts'
import { showPage } from '../shown/page.ts'
import { ABOUT, DESK, trailFilter, trailRow } from '../shown/trail.ts'
import { trailCsv, trailJsonLines } from '../shown/trail-export.ts'

const AT_ONCE = 50

const text = z.string().trim().max(200).catch('')
/** What the filter's form asks for, as it stands in the address. */
const asked = z.object({ chain: text, about: text, person: text, rotation: text, from: text, until: text })
export type Asked = z.infer<typeof asked>

function addressWith(path: string, wishes: Asked, more: Record<string, string> = {}): string {
  const filled = Object.entries({ ...wishes, ...more }).filter(([, value]) => value !== '')
  const query = new URLSearchParams(filled).toString()
  return query === '' ? path : `${path}?${query}`
}

async function chains(c: WebContext, chosen: string) {
  const { organisationId } = actorFor(c, 'audit.view')
  if (organisationId !== null) return []
  const names = await findOrganisationNames(c.get('desk').db)
  const organisations = names.map(({ id, name }) => ({ value: id, label: `${name} (${shortId(id)})` }))
  return [{ value: DESK, label: 'The desk itself' }, ...organisations].map((choice) => ({
    ...choice,
    chosen: choice.value === chosen,
  }))
}

async function show(c: WebContext): Promise<Response> {
  const { organisationId } = actorFor(c, 'audit.view')
  const { timeZone } = bearerOf(c)
  const wishes = asked.parse(c.req.query())
  const { filter, problems } = trailFilter(wishes, timeZone)
  const bad: { problems?: Problems } = problems === null ? {} : { problems }
  const cursor = c.req.query('after')
  const { db } = c.get('desk')
  const page = await searchTrail(db, { organisationId }, { ...filter, cursor, limit: AT_ONCE })
  return showPage(c, 'audit', {
    title: 'Audit trail',
    ofAll: organisationId === null,
    entries: page.items.map((entry) => trailRow(entry, timeZone)),
    chains: await chains(c, wishes.chain),
    abouts: Object.entries(ABOUT).map(([value, label]) => ({ value, label, chosen: value === wishes.about })),
    values: wishes,
    filtered: Object.values(wishes).some((value) => value !== ''),
    csvHref: addressWith('/audit/export.csv', wishes),
    jsonHref: addressWith('/audit/export.jsonl', wishes),
    nextHref: page.nextCursor === null ? null : addressWith('/audit', wishes, { after: page.nextCursor }),
    ...bad,
  })
}

/** Read and sent page by page, however long it is; who asks has the trail that they may see. */
function download(c: WebContext, kind: 'csv' | 'jsonl'): Response {
  const { organisationId } = actorFor(c, 'audit.view')
  const { filter } = trailFilter(asked.parse(c.req.query()), bearerOf(c).timeZone)
  const { db, log } = c.get('desk')
  const write = kind === 'csv' ? trailCsv : trailJsonLines
  const day = new Date().toISOString().slice(0, 10)
  c.header('content-type', kind === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8')
  c.header('content-disposition', `attachment; filename="rekey-audit-${day}.${kind}"`)
  return c.body(write(db, { organisationId }, filter, log))
}

export function addAudit(app: App): void {
  app.get('/audit', show)
  app.get('/audit/export.csv', (c) => download(c, 'csv'))
  app.get('/audit/export.jsonl', (c) => download(c, 'jsonl'))
}

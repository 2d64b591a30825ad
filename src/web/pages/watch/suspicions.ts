import { findSuspicion, findSuspicions } from '../../../database/watch/suspicions.ts'
import { dismissSuspicion } from '../../../keyring/watch/dismiss.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { showPage } from '../../shown/page.ts'
import { suspicionFacts } from '../../shown/watch/suspicion.ts'

const AT_ONCE = 25

async function showList(c: WebContext): Promise<Response> {
  const { organisationId, role } = actorFor(c, 'suspicions.view')
  const { timeZone } = bearerOf(c)
  const all = c.req.query('show') === 'all'
  const filter = { open: !all, cursor: c.req.query('after'), limit: AT_ONCE }
  const page = await findSuspicions(c.get('desk').db, { organisationId }, filter)
  const next = page.nextCursor === null ? null : encodeURIComponent(page.nextCursor)
  return showPage(c, 'suspicions', {
    title: 'Suspicious use',
    all,
    dismissed: c.req.query('dismissed') !== undefined,
    ofStaff: organisationId === null,
    suspicions: page.items.map((suspicion) => suspicionFacts(suspicion, role, timeZone)),
    nextHref: next === null ? null : `/suspicions?${all ? 'show=all&' : ''}after=${next}`,
  })
}

async function showOne(c: WebContext, id: string): Promise<Response> {
  const { organisationId, role } = actorFor(c, 'suspicions.view')
  const suspicion = await findSuspicion(c.get('desk').db, { organisationId }, id)
  if (suspicion === undefined) throw new Refusal('NOT_FOUND')
  return showPage(c, 'suspicion', {
    title: 'Suspicious use of a key',
    id,
    ofStaff: organisationId === null,
    suspicion: suspicionFacts(suspicion, role, bearerOf(c).timeZone),
  })
}

async function dismiss(c: WebContext, id: string): Promise<Response> {
  await dismissSuspicion(c.get('desk').db, actorFor(c, 'suspicions.dismiss'), id)
  return c.redirect('/suspicions?dismissed', 303)
}

/** What is odd about the use of keys: for the owners of the organisation, and for the staff of all. */
export function addSuspicions(app: App): void {
  app.get('/suspicions', showList)
  app.get('/suspicions/:id', (c) => showOne(c, c.req.param('id')))
  app.post('/suspicions/:id/dismissal', (c) => dismiss(c, c.req.param('id')))
}

import { findRecoveryCases } from '../../../database/people/recovery-cases.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { showPage } from '../../shown/page.ts'
import { recoveryRow } from '../../shown/recovery.ts'

const AT_ONCE = 50

async function show(c: WebContext): Promise<Response> {
  actorFor(c, 'recovery.manage')
  const { timeZone } = bearerOf(c)
  const { db } = c.get('desk')
  const now = new Date()
  const open = await findRecoveryCases(db, { open: true, limit: AT_ONCE })
  const closed = await findRecoveryCases(db, { open: false, limit: AT_ONCE })
  return showPage(c, 'recovery-cases', {
    title: 'Recovery cases',
    open: open.map((recovery) => recoveryRow(recovery, timeZone, now)),
    closed: closed.map((recovery) => recoveryRow(recovery, timeZone, now)),
  })
}

/** The cases that wait for somebody of the staff, and those that ended. */
export function addRecoveryCases(app: App): void {
  app.get('/desk/recovery', show)
}

import type { App } from '../../context.ts'
import { assignOne, assignTicked } from './assignment.ts'
import { exportQueue } from './export.ts'
import { next } from './next.ts'
import { showQueueOfAddress } from './queue.ts'
import { remove, save } from './saved-views.ts'
import { showShortcuts, switchShortcuts } from './shortcuts.ts'

export function addQueue(app: App): void {
  app.get('/queue', showQueueOfAddress)
  app.get('/queue/next', next)
  app.get('/queue/export', exportQueue)
  app.post('/queue/assignment', assignTicked)
  app.post('/queue/views', save)
  app.post('/queue/views/removal', remove)
  app.get('/shortcuts', showShortcuts)
  app.post('/shortcuts', switchShortcuts)
  app.post('/rotations/:ref/assignment', (c) => assignOne(c, c.req.param('ref')))
}

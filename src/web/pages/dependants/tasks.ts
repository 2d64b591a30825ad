import { z } from 'zod'
import { findTask } from '../../../database/dependants/tasks.ts'
import { completeTask, reopenTask } from '../../../desk/tasks/tick.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { readForm } from '../../forms/form.ts'
import { rotationOf } from '../rotation.ts'

const tick = z.object({ holds: z.enum(['new', 'old']) })

/** Somebody says which key a dependant holds; sent twice, it is so already. */
async function say(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'tasks.tick')
  const { db } = c.get('desk')
  const task = await findTask(db, id)
  if (task === undefined) throw new Refusal('NOT_FOUND')
  await rotationOf(c, task.rotationRef)
  const { values } = await readForm(c, tick)
  if (values?.holds === 'new') await completeTask(db, actor, id)
  if (values?.holds === 'old') await reopenTask(db, actor, id)
  return c.redirect(`/rotations/${task.rotationRef}#tasks-${task.itemId}`, 303)
}

/** Ticking off what must hold the very key, on the rotation's page. */
export function addTasks(app: App): void {
  app.post('/tasks/:id', (c) => say(c, c.req.param('id')))
}

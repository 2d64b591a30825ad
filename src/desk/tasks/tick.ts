import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findTask, type TaskView } from '../../database/dependants/tasks.ts'
import { lockRotation } from '../../database/rotations/locks.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'

/** The task as it stands while its rotation is held, so that it is not rolled back meanwhile. Refuses NOT_FOUND. */
async function lockTask(trx: Trx, actor: PersonActor, id: string): Promise<TaskView> {
  const hint = await findTask(trx, id)
  if (hint === undefined) throw new Refusal('NOT_FOUND')
  await lockRotation(trx, hint.rotationRef, actor.organisationId ?? '')
  const task = await findTask(trx, id)
  if (task === undefined) throw new Refusal('NOT_FOUND')
  return task
}

/** Says which of the two keys a dependant holds. False when that was said already: then nothing is changed or recorded. */
async function sayWhichKey(trx: Trx, actor: PersonActor, id: string, holds: 'new' | 'old'): Promise<boolean> {
  const task = await lockTask(trx, actor, id)
  if ((task.doneAt !== null) === (holds === 'new')) return false
  const at = await clock(trx)
  const done = holds === 'new' ? { doneAt: at, doneBy: actor.personId } : { doneAt: null, doneBy: null }
  await trx.updateTable('task').set(done).where('id', '=', id).execute()
  const facts = { task: id, item: task.itemId, dependant: task.dependantId, name: task.name }
  const action = holds === 'new' ? 'task.complete' : 'task.reopen'
  await recordAudit(trx, actor.organisationId ?? '', at, { action, actor, rotation: task.rotationRef, facts })
  return true
}

/**
 * Ticks a task off: its dependant holds the new key now. Ticked off already, the first who did it stays named. Refuses NOT_ALLOWED, and
 * NOT_FOUND when it is another organisation's or nothing is left of it, such as after a rollback.
 */
export async function completeTask(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'tasks.tick')
  await db.transaction().execute((trx) => sayWhichKey(trx, actor, id, 'new'))
}

/**
 * Takes a tick back: its dependant holds the old key, still or again. After a rollback nothing is left of the task then. Refuses as
 * `completeTask` does.
 */
export async function reopenTask(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'tasks.tick')
  await db.transaction().execute((trx) => sayWhichKey(trx, actor, id, 'old'))
}

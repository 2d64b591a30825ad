import { type DependantType, type TaskState, taskState } from '../../rules/keys/dependants.ts'
import type { Db } from '../connect.ts'
import type { PersonName } from '../rotations/views.ts'

/** What is left to do, or was done, about a dependant that must hold the very key, after that was rotated. */
export type TaskView = {
  id: string
  itemId: string
  rotationRef: string
  dependantId: string
  type: DependantType
  name: string
  state: Exclude<TaskState, 'void'>
  doneAt: Date | null
  doneBy: PersonName | null
}

function selectTasks(db: Db) {
  return db
    .selectFrom('task')
    .innerJoin('dependant', 'dependant.id', 'task.dependantId')
    .innerJoin('item', 'item.id', 'task.itemId')
    .innerJoin('key', 'key.id', 'item.keyId')
    .leftJoin('person', 'person.id', 'task.doneBy')
    .select(['task.id', 'task.itemId', 'item.rotationRef', 'task.dependantId', 'dependant.type', 'dependant.name'])
    .select(['task.doneAt', 'task.doneBy', 'person.name as doerName', 'dependant.removedAt'])
    .select(['item.status', 'key.deletedAt as keyDeletedAt'])
    .orderBy('task.dependantId')
}

type Row = Awaited<ReturnType<ReturnType<typeof selectTasks>['execute']>>[number]

function viewsOf(rows: readonly Row[]): TaskView[] {
  return rows.flatMap(({ doneBy, doerName, removedAt, status, keyDeletedAt, ...row }) => {
    const state = taskState({ doneAt: row.doneAt, removedAt }, { status, keyDeletedAt })
    if (state === 'void') return []
    return [{ ...row, state, doneBy: doneBy === null ? null : { id: doneBy, name: doerName ?? '' } }]
  })
}

/** The tasks of items, without those that nothing is left of; callers look whose items they are. */
export async function findTasks(db: Db, itemIds: readonly string[]): Promise<TaskView[]> {
  if (itemIds.length === 0) return []
  return viewsOf(await selectTasks(db).where('task.itemId', 'in', itemIds).execute())
}

/** One task, if something is left of it; callers look whose rotation it is in. */
export async function findTask(db: Db, id: string): Promise<TaskView | undefined> {
  return viewsOf(await selectTasks(db).where('task.id', '=', id).execute())[0]
}

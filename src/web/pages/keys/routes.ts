import type { App } from '../../context.ts'
import { addDependants } from '../dependants/dependants.ts'
import { addTasks } from '../dependants/tasks.ts'
import { addKey } from './key.ts'

/** What people do with single keys. */
export function addKeys(app: App): void {
  for (const add of [addKey, addDependants, addTasks]) add(app)
}

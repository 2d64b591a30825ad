import type { App } from '../../context.ts'
import { addDependants } from '../dependants/dependants.ts'
import { addTasks } from '../dependants/tasks.ts'
import { addRoll } from '../roll/roll.ts'
import { addAdding } from './add.ts'
import { addDeletion } from './deletion.ts'
import { addEdit } from './edit.ts'
import { addKey } from './key.ts'
import { addSwitch } from './switch.ts'

/** What people do with single keys. */
export function addKeys(app: App): void {
  for (const add of [addKey, addAdding, addEdit, addSwitch, addDeletion, addRoll, addDependants, addTasks]) add(app)
}

import type { App } from '../../context.ts'
import { addSuspicions } from './suspicions.ts'

/** What the desk notices of the use of keys, and what people make of it. */
export function addWatch(app: App): void {
  for (const add of [addSuspicions]) add(app)
}

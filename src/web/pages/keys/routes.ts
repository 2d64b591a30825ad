import type { App } from '../../context.ts'
import { addKey } from './key.ts'

/** What people do with single keys. */
export function addKeys(app: App): void {
  for (const add of [addKey]) add(app)
}

import type { App } from '../../context.ts'
import { addHealth } from './health.ts'
import { addImports } from './imports.ts'
import { addLeaks } from './leaks.ts'
import { addLetters } from './letters.ts'

/** What the staff look after, beside rotations. */
export function addDeskPages(app: App): void {
  for (const add of [addLetters, addImports, addLeaks, addHealth]) add(app)
}

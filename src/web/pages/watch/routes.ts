import type { App } from '../../context.ts'
import { addReview } from './review.ts'
import { addSuspicions } from './suspicions.ts'

/** What the desk notices of the use of keys, and what people make of it. */
export function addWatch(app: App): void {
  for (const add of [addSuspicions, addReview]) add(app)
}

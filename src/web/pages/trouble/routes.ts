import type { App } from '../../context.ts'
import { addMending } from './mending.ts'
import { addServiceRemoval } from './service-removal.ts'

/** What is done about keys that could not be changed, and about services that go. */
export function addTrouble(app: App): void {
  addMending(app)
  addServiceRemoval(app)
}

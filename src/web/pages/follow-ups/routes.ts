import type { App } from '../../context.ts'
import { addFollowUpDecision } from './decision.ts'
import { addEarlyRevocation } from './early-revocation.ts'
import { addExtension } from './extension.ts'
import { addRollback } from './rollback.ts'

/** What owners want of running rotations, and where agents decide what of it waits. */
export function addFollowUps(app: App): void {
  for (const add of [addEarlyRevocation, addExtension, addRollback, addFollowUpDecision]) add(app)
}

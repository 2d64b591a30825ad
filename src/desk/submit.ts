import type { Db } from '../database/connect.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { fileRotation } from './filing/file.ts'
import type { Filing } from './filing/filing.ts'

export type { Filing } from './filing/filing.ts'

/**
 * Files a rotation; it then waits for its approvals, or starts by itself where all of its services have self-service and the owner's step-up
 * is the approval. One that replaces another closes that one in the same moment. Refuses NOT_FOUND (a service or key that isn't the
 * organisation's, a person who is no owner of it), NOT_ALLOWED, OWN_ROTATION, ON_HOLD, NO_KEYS, ROTATION_IN_PROGRESS, ILLEGAL_MOVE (what it
 * replaces is over), INVALID_REQUEST, START_TOO_FAR, CONTAINS_SECRET, EXPIRES_IN_OVERLAP, TOO_MANY_REQUESTS, and what
 * `holdToPolicy` names.
 */
export async function submitRotation(db: Db, actor: PersonActor, filing: Filing): Promise<{ ref: string }> {
  requireRole(actor, 'rotations.file')
  return fileRotation(db, actor, filing, 'rotations.submit')
}

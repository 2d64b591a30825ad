import type { Db } from '../database/connect.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import type { OverlapEnds } from '../rules/rotations/overlap.ts'
import { fileRotation } from './filing/file.ts'

/** When the old version of the key dies; see `Filing`. */
export type Roll = { overlapSeconds: number; overlapEnds?: OverlapEnds | undefined; graceSeconds?: number | undefined }

/**
 * Rolls one key of a service that has self-service: a rotation like any other, which nobody else has to approve. Just after a change of an
 * owner's account two agents have to, all the same. Refuses NOT_ALLOWED, NOT_FOUND, NOT_SELF_SERVICE, ON_HOLD, NO_KEYS (it is disabled),
 * ROTATION_IN_PROGRESS, INVALID_REQUEST, EXPIRES_IN_OVERLAP, COOLDOWN_TOO_LONG and TOO_MANY_REQUESTS.
 */
export async function rollKey(db: Db, actor: PersonActor, keyId: string, roll: Roll): Promise<{ ref: string }> {
  requireRole(actor, 'keys.roll')
  return fileRotation(db, actor, { items: [{ keyId }], reason: 'scheduled', ...roll }, 'keys.roll')
}

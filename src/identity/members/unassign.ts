import type { Trx } from '../../database/connect.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { LIVE_ROTATION_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import type { ChainedFact } from './chains.ts'

/** Takes every live rotation from somebody who looks after it no more. Gives what the caller records of it. */
export async function unassign(trx: Trx, actor: PersonActor, personId: string): Promise<ChainedFact[]> {
  const locked = await trx
    .selectFrom('rotation')
    .select(['ref', 'organisationId'])
    .where('assigneeId', '=', personId)
    .where('status', 'in', LIVE_ROTATION_STATUSES)
    .orderBy('ref')
    .forNoKeyUpdate()
    .execute()
  const refs = locked.map(({ ref }) => ref)
  if (refs.length === 0) return []
  await trx.updateTable('rotation').set({ assigneeId: null }).where('ref', 'in', refs).execute()
  return locked.map(({ ref, organisationId }) => ({
    chain: organisationId,
    action: 'rotation.assign',
    actor,
    rotation: ref,
    facts: { assignee: null, previous: personId },
  }))
}

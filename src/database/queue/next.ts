import { decideBy } from '../../rules/rotations/approvals.ts'
import type { Db } from '../connect.ts'
import { findInTier, type Place } from './page.ts'
import { type Decider, tiersToDecide } from './tiers.ts'

type Position = { tier: number; after: Place }

/** Where a rotation stands among those to decide, or stood as long as it was one of them. */
async function findPosition(db: Db, ref: string): Promise<Position | null> {
  const row = await db
    .selectFrom('rotation')
    .select(['status', 'reason', 'nextDeadline', 'createdAt'])
    .select((is) =>
      is
        .exists(is.selectFrom('followUp').select('id').where('rotationRef', '=', ref).where('approvalsNeeded', '>', 0))
        .as('hasFollowUp'),
    )
    .where('ref', '=', ref)
    .executeTakeFirst()
  if (row === undefined) return null
  const follows = row.status !== 'submitted' && row.hasFollowUp === true
  const at = row.status === 'submitted' || follows ? row.nextDeadline : decideBy(row.createdAt)
  const tier = follows ? 1 : row.reason === 'compromised' ? 0 : 2
  return { tier, after: { at: at?.toISOString() ?? 'infinity', ref } }
}

async function findFrom(db: Db, decider: Decider, position: Position | null, besides: string | null) {
  for (const [number, tier] of tiersToDecide(decider).entries()) {
    if (position !== null && number < position.tier) continue
    const after = position?.tier === number ? position.after : null
    const rows = await findInTier(db, tier, {}, after, 2)
    const found = rows.find((row) => row.ref !== besides)
    if (found !== undefined) return found.ref
  }
  return null
}

/**
 * The rotation that this agent can decide next: the one that comes after `ref` in the queue, whether or not that still waits,
 * and after the last the first again. Null when there is no other.
 */
export async function findNextToDecide(db: Db, decider: Decider, ref: string | null): Promise<string | null> {
  const position = ref === null ? null : await findPosition(db, ref)
  const ahead = await findFrom(db, decider, position, ref)
  return ahead ?? (position === null ? null : await findFrom(db, decider, null, ref))
}

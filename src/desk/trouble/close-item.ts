import { clock, type Db } from '../../database/connect.ts'
import { lockItems, lockRotation } from '../../database/rotations/locks.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { ENDED_ITEM_STATUSES, wasExecuted } from '../../rules/rotations/rotation-lifecycle.ts'
import { putRotationLetters } from '../letters.ts'
import { moveItem } from '../record.ts'
import { settle } from '../settle.ts'
import { closeRotation } from './close.ts'

/**
 * Gives up on a key that could not be changed: its item is cancelled with the reason, its key stays as it is and may be filed anew. The
 * rotation goes on with the others; when that was the last and nothing was changed by it, it is closed with the reason. Refuses
 * NOT_ALLOWED, NOT_FOUND, CONTAINS_SECRET, and ILLEGAL_MOVE for an item that needs no attention.
 */
export async function closeItem(
  db: Db,
  actor: PersonActor,
  itemId: string,
  { reason }: { reason: string },
): Promise<{ ref: string }> {
  requireRole(actor, 'rotations.mend')
  refuseSecret('/reason', reason)
  return db.transaction().execute(async (trx) => {
    const found = await trx.selectFrom('item').select('rotationRef').where('id', '=', itemId).executeTakeFirst()
    if (found === undefined) throw new Refusal('NOT_FOUND')
    const ref = found.rotationRef
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    const item = (await lockItems(trx, ref)).find(({ id }) => id === itemId)
    // A rotation whose approval went stale needs attention with its items still pending.
    const stuck = item?.status === 'failed' || (item?.status === 'pending' && rotation.status === 'needs_attention')
    if (item === undefined || !stuck) {
      throw new Refusal('ILLEGAL_MOVE', { detail: 'This key needs no attention any more.' })
    }
    const at = await clock(trx)
    const record = { actor, at, facts: { reason } }
    await moveItem(trx, item, 'cancel', 'cancelled', record, { problem: reason })
    const left = await lockItems(trx, ref)
    const over = left.every(({ status }) => ENDED_ITEM_STATUSES.includes(status))
    if (over && !left.some(({ status }) => wasExecuted(status))) {
      await closeRotation(trx, rotation, reason, record)
      return { ref }
    }
    const letter = { who: actor.name, at, note: reason, items: [item], distinction: item.id }
    await putRotationLetters(trx, rotation, { ...letter, kind: 'closed', audience: 'owners' })
    // While others wait to be carried out, or for approval anew, the rotation stands where it stood.
    if (!left.some(({ status }) => status === 'pending')) await settle(trx, rotation, at)
    return { ref }
  })
}

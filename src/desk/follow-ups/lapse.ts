import { recordAudits } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'
import type { ItemRow, RotationRow } from '../../database/schema.ts'
import { BY_WORKER } from '../record.ts'
import { tellFollowUp } from '../webhooks/tell.ts'

/** Ends the follow-ups that wait although none of their items is in overlap any more: there is nothing left to decide. */
export async function lapseFollowUps(
  trx: Trx,
  rotation: RotationRow,
  items: readonly ItemRow[],
  at: Date,
): Promise<void> {
  const waiting = await trx
    .selectFrom('followUp')
    .selectAll()
    .where('rotationRef', '=', rotation.ref)
    .where('status', '=', 'requested')
    .execute()
  const open = items.filter((item) => item.status === 'overlap').map((item) => item.id)
  const over = waiting.filter(({ itemIds }) => !itemIds.some((id) => open.includes(id)))
  const change = { status: 'lapsed', decidedAt: at } as const
  for (const followUp of over) {
    await trx.updateTable('followUp').set(change).where('id', '=', followUp.id).execute()
    await tellFollowUp(trx, { ...followUp, ...change }, at)
  }
  const facts = over.map(({ id, type }) => ({
    action: 'follow_up.lapse',
    actor: BY_WORKER,
    rotation: rotation.ref,
    facts: { followUp: id, type },
  }))
  await recordAudits(trx, rotation.organisationId, at, facts)
}

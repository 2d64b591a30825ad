import { recordAudit } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import type { FollowUpRow, ItemRow, RotationRow } from '../../database/schema.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { putRotationLetters } from '../letters.ts'
import { tellFollowUp } from '../webhooks/tell.ts'

type FollowUpType = FollowUpRow['type']
type NewFollowUp = {
  type: FollowUpType
  status: 'requested' | 'done'
  /** When it is to end, or to be carried out; null for a rollback. */
  at: Date | null
  approvalsNeeded: 0 | 1 | 2
}

const WAITING = {
  early_revocation: 'An early stop of one of these keys is planned already. Stop it now, or leave it to its time.',
  extension: 'More time was asked for already; an agent looks at it.',
  rollback: 'Going back was asked for already; two agents look at it.',
} as const satisfies Record<FollowUpType, string>

/** Of each type an item has at most one follow-up that waits. Refuses ILLEGAL_MOVE. */
export async function refuseSecondRequest(
  trx: Trx,
  rotation: RotationRow,
  type: FollowUpType,
  items: readonly ItemRow[],
): Promise<void> {
  const waiting = await trx
    .selectFrom('followUp')
    .select('itemIds')
    .where('rotationRef', '=', rotation.ref)
    .where('type', '=', type)
    .where('status', '=', 'requested')
    .execute()
  const taken = waiting.flatMap(({ itemIds }) => itemIds)
  if (items.some(({ id }) => taken.includes(id))) throw new Refusal('ILLEGAL_MOVE', { detail: WAITING[type] })
}

/** Writes a follow-up and tells endpoints of it; the caller records it. The rotation's lock guards its follow-ups. */
export async function insertFollowUp(
  trx: Trx,
  rotation: RotationRow,
  items: readonly ItemRow[],
  actor: PersonActor,
  now: Date,
  followUp: NewFollowUp,
): Promise<FollowUpRow> {
  const row = await trx
    .insertInto('followUp')
    .values({
      ...followUp,
      id: newId('followUp'),
      rotationRef: rotation.ref,
      organisationId: rotation.organisationId,
      itemIds: items.map((item) => item.id),
      requestedBy: actor.personId,
      requestedAt: now,
      decidedAt: followUp.status === 'done' ? now : null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await tellFollowUp(trx, row, now)
  return row
}

/** Records a follow-up that agents have to approve, and asks those who may. */
export async function askForApproval(
  trx: Trx,
  rotation: RotationRow,
  followUp: FollowUpRow,
  items: readonly ItemRow[],
  actor: PersonActor,
): Promise<void> {
  const { id, type, itemIds, requestedAt: at } = followUp
  const facts = { followUp: id, type, items: itemIds, until: followUp.at?.toISOString() ?? null }
  const fact = { action: 'follow_up.request', actor, rotation: rotation.ref, facts }
  await recordAudit(trx, rotation.organisationId, at, fact)
  const wish = { followUp: type, ...(followUp.at === null ? {} : { wantedEnd: followUp.at }) }
  const letter = { who: actor.name, at, ...wish, distinction: id, items }
  await putRotationLetters(trx, rotation, { ...letter, kind: 'follow-up-needed', audience: 'agents' })
}

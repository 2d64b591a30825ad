import type { Trx } from '../../database/connect.ts'
import type { FollowUpRow } from '../../database/schema.ts'
import { putWebhookEvents } from '../../outbox/webhooks.ts'
import {
  type ItemMove,
  type ItemStatus,
  type RotationMove,
  type RotationStatus,
  UNBORN,
} from '../../rules/rotations/rotation-lifecycle.ts'
import { itemEventType, rotationEventType } from '../../rules/webhooks/events.ts'

type Subject = { ref: string; organisationId: string }
type Step<Move, Status> = { move: Move; from: Status | typeof UNBORN; to: Status; sequence: number }

/** Which step of its history it was, so that a receiver can put events in order: they may arrive in any. */
function stepData<Status extends string>({ move, from, to, sequence }: Step<string, Status>) {
  return { status: to, previousStatus: from === UNBORN ? null : from, move, sequence }
}

/** Tells endpoints of one step in a rotation's history, in the transaction that writes it. */
export async function tellRotationMove(
  trx: Trx,
  { ref, organisationId }: Subject,
  step: Step<RotationMove, RotationStatus>,
  at: Date,
): Promise<void> {
  const type = rotationEventType(step.move, step.to)
  const data = { rotation: ref, organisationId, ...stepData(step) }
  await putWebhookEvents(trx, organisationId, [{ type, naturalKey: `rotation/${ref}/${step.sequence}`, at, data }])
}

/** The same for items of a rotation. */
export async function tellItemMoves(
  trx: Trx,
  { ref, organisationId }: Subject,
  steps: readonly (Step<ItemMove, ItemStatus> & { itemId: string; keyId: string })[],
  at: Date,
): Promise<void> {
  const events = steps.map((step) => ({
    type: itemEventType(step.move, step.to),
    naturalKey: `item/${step.itemId}/${step.sequence}`,
    at,
    data: { itemId: step.itemId, keyId: step.keyId, rotation: ref, organisationId, ...stepData(step) },
  }))
  await putWebhookEvents(trx, organisationId, events)
}

type FollowUp = Pick<FollowUpRow, 'id' | 'rotationRef' | 'organisationId' | 'type' | 'status' | 'itemIds'>

/** Tells endpoints where a follow-up stands now, once per status, in the transaction that brings it there. */
export async function tellFollowUp(trx: Trx, followUp: FollowUp, at: Date): Promise<void> {
  const { id, rotationRef, organisationId, type, status, itemIds } = followUp
  const data = { followUpId: id, followUp: type, status, rotation: rotationRef, organisationId, itemIds }
  const event = { type: `follow_up.${status}` as const, naturalKey: `follow_up/${id}/${status}`, at, data }
  await putWebhookEvents(trx, organisationId, [event])
}

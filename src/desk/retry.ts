import { clock, type Db, type Trx } from '../database/connect.ts'
import { findOwnerChange } from '../database/rotations/decision-facts.ts'
import { lockItems, lockRotation } from '../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../database/schema.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import { approvalsNeeded, decideBy, decideReminders, wasFiledOnBehalf } from '../rules/rotations/approvals.ts'
import { putRotationLetters } from './letters.ts'
import { type MoveRecord, moveItem, moveRotation } from './record.ts'
import { planReminders } from './reminders.ts'

/** How many approvals it needs now; never fewer than before. */
async function approvalsNeededAnew(trx: Trx, rotation: RotationRow, itemCount: number, at: Date): Promise<number> {
  const { reason, overlapSeconds, organisationId, terms } = rotation
  const ownerChangedAt = await findOwnerChange(trx, organisationId)
  const filedOnBehalf = wasFiledOnBehalf(rotation)
  const approvalsByPolicy = terms.approvalsNeeded
  const facts = { reason, overlapSeconds, itemCount, filedOnBehalf, ownerChangedAt, approvalsByPolicy }
  const needed = approvalsNeeded(facts, at)
  return Math.max(needed, rotation.approvalsNeeded)
}

/** What was approved too long ago is asked for anew: the approvals were given for the revision before. */
async function askAgain(trx: Trx, rotation: RotationRow, items: readonly ItemRow[], record: MoveRecord): Promise<void> {
  const { at } = record
  const deadline = decideBy(at)
  const changes = {
    revision: rotation.revision + 1,
    approvalsNeeded: await approvalsNeededAnew(trx, rotation, items.length, at),
    // the step-up that the policy rested on is as stale as an approval
    byPolicy: false,
    byTokenId: null,
    decidedAt: null,
    nextDeadline: deadline,
    problem: null,
  }
  const facts = { revision: changes.revision }
  const submitted = await moveRotation(trx, rotation, 'retry', 'submitted', { ...record, facts }, changes)
  await planReminders(trx, rotation.ref, decideReminders(deadline, at))
  const who = record.actor.kind === 'person' ? record.actor.name : null
  const letter = { kind: 'approval-needed', audience: 'agents', who, at, decideBy: deadline, items } as const
  await putRotationLetters(trx, submitted, letter)
}

/** The failed items, all of them or those named. Refuses NOT_FOUND and ILLEGAL_MOVE. */
function chosenItems(items: readonly ItemRow[], itemIds: readonly string[] | undefined): ItemRow[] {
  const unknown = itemIds?.find((id) => !items.some((item) => item.id === id))
  if (unknown !== undefined) throw new Refusal('NOT_FOUND', { detail: `The rotation has no item ${unknown}.` })
  const chosen = items.filter((item) => item.status === 'failed' && (itemIds?.includes(item.id) ?? true))
  if (chosen.length === 0) throw new Refusal('ILLEGAL_MOVE', { detail: 'None of these keys has failed.' })
  return chosen
}

/**
 * Tries a rotation that needs attention once more: its failed items, all or those named, become due now; one whose approval went stale before
 * anything was made waits for new approvals, with a new time to decide. Refuses NOT_ALLOWED, NOT_FOUND and ILLEGAL_MOVE.
 */
export async function retryRotation(
  db: Db,
  actor: PersonActor,
  ref: string,
  wish: { itemIds?: readonly string[] | undefined } = {},
): Promise<void> {
  requireRole(actor, 'rotations.mend')
  await db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    if (rotation.status !== 'needs_attention') throw new Refusal('ILLEGAL_MOVE')
    const items = await lockItems(trx, ref)
    const at = await clock(trx)
    const record = { actor, at }
    if (items.some((item) => item.status === 'pending')) return askAgain(trx, rotation, items, record)
    for (const item of chosenItems(items, wish.itemIds)) {
      await moveItem(trx, item, 'retry', 'pending', record, { dueAt: at, attempts: 0, problem: null })
    }
    await moveRotation(trx, rotation, 'retry', 'executing', record, { nextDeadline: at, problem: null })
  })
}

import { recordAudit } from '../../database/audit/append.ts'
import type { Db, Trx } from '../../database/connect.ts'
import { findPersonName } from '../../database/letters/facts.ts'
import { lockItems, lockRotation } from '../../database/rotations/locks.ts'
import type { FollowUpRow, RotationRow } from '../../database/schema.ts'
import type { Actor, PersonActor } from '../../rules/permissions.ts'
import { requireRole } from '../../rules/permissions.ts'
import { longestOverlap } from '../../rules/policy.ts'
import { Refusal } from '../../rules/refusals.ts'
import { extensionApprovals } from '../../rules/rotations/follow-ups.ts'
import { latestEnd } from '../../rules/rotations/overlap.ts'
import { formatTime } from '../../rules/text/times.ts'
import { putRotationLetters } from '../letters.ts'
import { planEndReminders } from '../mail/plan-end-reminders.ts'
import { updateDeadline } from '../settle.ts'
import { chosenItems, lockMovableItems, type OpenItem, stopClocks } from './open-items.ts'
import { askForApproval, insertFollowUp, refuseSecondRequest } from './requests.ts'

function invalidEnd(message: string): Refusal {
  return new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/overlapEndsAt', message }] })
}

function endOf({ item, old }: OpenItem): Date {
  return old.acceptedUntil ?? item.overlapEndsAt ?? new Date(0)
}

/** A clock that still waits may end it sooner than it is set to, so keeping that end for certain is more time too. */
function gains(each: OpenItem, end: Date): boolean {
  return endOf(each) < end || (each.made.clockStarts !== null && endOf(each).getTime() === end.getTime())
}

/** Those that would otherwise end earlier: more time never takes any away. Refuses INVALID_REQUEST. */
function thoseThatGain(open: readonly OpenItem[], end: Date): OpenItem[] {
  const gaining = open.filter((each) => gains(each, end))
  if (gaining.length === 0) throw invalidEnd('The old keys work until then anyway. Choose a later time.')
  const latest = gaining.map(({ generatedAt, old }) => latestEnd(generatedAt, old.ownEnd).getTime())
  const limit = new Date(Math.min(...latest))
  if (end <= limit) return gaining
  const why = '30 days after the new key was made, or when the old key ends by itself'
  throw invalidEnd(`The latest time there can be is ${formatTime(limit, 'UTC')}: ${why}.`)
}

async function wereExtended(trx: Trx, rotation: RotationRow, items: readonly OpenItem[]): Promise<boolean> {
  const done = await trx
    .selectFrom('followUp')
    .select('itemIds')
    .where('rotationRef', '=', rotation.ref)
    .where('type', '=', 'extension')
    .where('status', '=', 'done')
    .execute()
  const before = done.flatMap(({ itemIds }) => itemIds)
  return items.some(({ item }) => before.includes(item.id))
}

/** Whether the overlap stays no longer than what the rotation was filed under allows. */
function isWithinTerms({ terms, reason }: RotationRow, items: readonly OpenItem[], end: Date): boolean {
  const longest = longestOverlap(terms, reason) * 1000
  return items.every(({ generatedAt }) => end.getTime() - generatedAt.getTime() <= longest)
}

/** Moves the end of the old versions that may still be moved, with everything that hangs on it. Refuses INVALID_REQUEST. */
export async function moveEnds(
  trx: Trx,
  rotation: RotationRow,
  followUp: FollowUpRow & { at: Date },
  open: readonly OpenItem[],
  { actor, at }: { actor: Actor; at: Date },
): Promise<void> {
  const end = followUp.at
  const gaining = thoseThatGain(open, end)
  const ids = gaining.map(({ item }) => item.id)
  await trx
    .updateTable('version')
    .set({ acceptedUntil: end })
    .where(
      'id',
      'in',
      gaining.map(({ old }) => old.id),
    )
    .execute()
  await trx.updateTable('item').set({ overlapEndsAt: end, dueAt: end }).where('id', 'in', ids).execute()
  await stopClocks(trx, gaining)
  await updateDeadline(trx, rotation.ref)
  const facts = { followUp: followUp.id, items: ids, overlapEndsAt: end.toISOString() }
  await recordAudit(trx, rotation.organisationId, at, {
    action: 'rotation.extend',
    actor,
    rotation: rotation.ref,
    facts,
  })
  const items = gaining.map(({ item }) => ({ ...item, overlapEndsAt: end, dueAt: end }))
  await planEndReminders(trx, rotation.ref, items, at)
  // The owner where it was automatic, the agent who approved it where it wasn't.
  const who = actor.kind === 'person' ? actor.name : await findPersonName(trx, followUp.requestedBy)
  const letter = { who, at, distinction: followUp.id, items }
  await putRotationLetters(trx, rotation, { ...letter, kind: 'extended', audience: 'owners' })
}

/**
 * Gives old keys more time, up to 30 days after the new ones were made and never past the end they had by themselves; keys that work
 * longer already are left as they are. A clock that still waits for use or pick-up is stopped: what was promised last holds. The first
 * time, for a routine reason and within the policy's longest overlap, it counts at once; else it waits for an agent.
 * Refuses NOT_FOUND, INVALID_REQUEST (a time too early or too late), and ILLEGAL_MOVE (the old keys have ended, are to be revoked, or
 * more time was asked for already).
 */
export async function extendOverlap(
  db: Db,
  actor: PersonActor,
  ref: string,
  wish: { overlapEndsAt: Date; itemIds?: readonly string[] | undefined },
): Promise<{ followUpId: string; status: 'requested' | 'done' }> {
  requireRole(actor, 'rotations.followUp')
  return db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    const { open, now } = await lockMovableItems(trx, chosenItems(await lockItems(trx, ref), wish.itemIds))
    const end = wish.overlapEndsAt
    const gaining = thoseThatGain(open, end)
    const items = gaining.map(({ item }) => item)
    await refuseSecondRequest(trx, rotation, 'extension', items)
    const within = isWithinTerms(rotation, gaining, end)
    const approvalsNeeded = extensionApprovals(rotation.reason, await wereExtended(trx, rotation, gaining), within)
    const status = approvalsNeeded === 0 ? 'done' : 'requested'
    const wanted = { type: 'extension', status, at: end, approvalsNeeded } as const
    const followUp = await insertFollowUp(trx, rotation, items, actor, now, wanted)
    if (status === 'requested') await askForApproval(trx, rotation, followUp, items, actor)
    else await moveEnds(trx, rotation, { ...followUp, at: end }, gaining, { actor, at: now })
    return { followUpId: followUp.id, status }
  })
}

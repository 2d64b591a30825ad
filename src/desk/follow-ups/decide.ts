import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockItems, lockRotation } from '../../database/rotations/locks.ts'
import type { FollowUpRow, RotationRow } from '../../database/schema.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { refuseIneligible } from '../decide.ts'
import { putRotationLetters } from '../letters.ts'
import { tellFollowUp } from '../webhooks/tell.ts'
import { moveEnds } from './extend.ts'
import { chosenItems, lockMovableItems } from './open-items.ts'
import { bringBack } from './roll-back.ts'

const DECIDED = {
  done: 'This was carried out already.',
  rejected: 'This was rejected already.',
  lapsed: 'The old key ended before this was decided, so there is nothing left to decide.',
} as const

type Waiting = { rotation: RotationRow; followUp: FollowUpRow }
type Movable = Awaited<ReturnType<typeof lockMovableItems>>

/** The follow-up and its rotation, whose lock guards it. Refuses NOT_FOUND, and ILLEGAL_MOVE when it waits for nobody's decision. */
async function lockWaiting(trx: Trx, actor: PersonActor, id: string): Promise<Waiting> {
  const byId = trx.selectFrom('followUp').selectAll().where('id', '=', id)
  const found = await byId.executeTakeFirst()
  if (found === undefined) throw new Refusal('NOT_FOUND')
  const rotation = await lockRotation(trx, found.rotationRef, actor.organisationId)
  const followUp = await byId.executeTakeFirstOrThrow()
  await refuseIneligible(trx, actor, rotation)
  if (followUp.requestedBy === actor.personId) throw new Refusal('OWN_ROTATION')
  if (followUp.status !== 'requested') throw new Refusal('ILLEGAL_MOVE', { detail: DECIDED[followUp.status] })
  if (followUp.approvalsNeeded === 0) throw new Refusal('ILLEGAL_MOVE', { detail: 'This needs nobody’s approval.' })
  return { rotation, followUp }
}

/** What the last approval lets happen, and the moment, read after the locks, at which it still can. */
async function lockOpen(trx: Trx, { rotation, followUp }: Waiting) {
  return lockMovableItems(trx, chosenItems(await lockItems(trx, rotation.ref), followUp.itemIds))
}

async function carryOut(trx: Trx, actor: PersonActor, { rotation, followUp }: Waiting, items: Movable): Promise<void> {
  const { open, now } = items
  const change = { status: 'done', decidedAt: now } as const
  await trx.updateTable('followUp').set(change).where('id', '=', followUp.id).execute()
  await tellFollowUp(trx, { ...followUp, ...change }, now)
  const record = { actor, at: now }
  if (followUp.type === 'rollback') await bringBack(trx, rotation, followUp, open, record)
  else if (followUp.at !== null) await moveEnds(trx, rotation, { ...followUp, at: followUp.at }, open, record)
}

async function findApprovers(trx: Trx, id: string): Promise<string[]> {
  const given = await trx.selectFrom('followUpApproval').select('agentId').where('followUpId', '=', id).execute()
  return given.map(({ agentId }) => agentId)
}

/**
 * An agent approves a follow-up; the last approval needed carries it out, looked at anew: an old key that has ended meanwhile stays
 * ended. Refuses NOT_FOUND, NOT_ALLOWED, OWN_ROTATION, ALREADY_APPROVED and ILLEGAL_MOVE.
 */
export async function approveFollowUp(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'rotations.decide')
  await db.transaction().execute(async (trx) => {
    const waiting = await lockWaiting(trx, actor, id)
    const { rotation, followUp } = waiting
    const given = await findApprovers(trx, id)
    if (given.includes(actor.personId)) throw new Refusal('ALREADY_APPROVED')
    const movable = await lockOpen(trx, waiting)
    const at = movable.now
    await trx.insertInto('followUpApproval').values({ followUpId: id, agentId: actor.personId, at }).execute()
    const facts = { followUp: id, type: followUp.type }
    const fact = { action: 'follow_up.approve', actor, rotation: rotation.ref, facts }
    await recordAudit(trx, rotation.organisationId, at, fact)
    if (given.length + 1 >= followUp.approvalsNeeded) await carryOut(trx, actor, waiting, movable)
  })
}

/** An agent rejects a follow-up, for good; its owner may ask again. Refuses NOT_FOUND, NOT_ALLOWED, OWN_ROTATION, CONTAINS_SECRET and ILLEGAL_MOVE. */
export async function rejectFollowUp(
  db: Db,
  actor: PersonActor,
  id: string,
  { reason }: { reason: string },
): Promise<void> {
  requireRole(actor, 'rotations.decide')
  await db.transaction().execute(async (trx) => {
    const { rotation, followUp } = await lockWaiting(trx, actor, id)
    refuseSecret('/reason', reason)
    const items = (await lockItems(trx, rotation.ref)).filter((item) => followUp.itemIds.includes(item.id))
    const at = await clock(trx)
    const change = { status: 'rejected', decidedAt: at, decisionReason: reason } as const
    await trx.updateTable('followUp').set(change).where('id', '=', id).execute()
    await tellFollowUp(trx, { ...followUp, ...change }, at)
    const facts = { followUp: id, type: followUp.type, reason }
    const fact = { action: 'follow_up.reject', actor, rotation: rotation.ref, facts }
    await recordAudit(trx, rotation.organisationId, at, fact)
    const letter = { who: actor.name, at, note: reason, followUp: followUp.type, distinction: id, items }
    await putRotationLetters(trx, rotation, { ...letter, kind: 'follow-up-rejected', audience: 'owners' })
  })
}

import { recordAudit } from '../database/audit/append.ts'
import { clock, type Db, type Trx } from '../database/connect.ts'
import { lockRotation } from '../database/rotations/locks.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import { barFromAssigning } from '../rules/rotations/assignment.ts'

type Assignment = {
  /** Who is to look after it from now on; null for nobody. */
  assigneeId: string | null
  /** Who has it as far as the caller knows; see `barFromAssigning` for what counts when it is left out. */
  from?: string | null | undefined
}

/** Holds the colleague on the staff until the commit. Refuses INVALID_REQUEST for anybody else. */
async function lockColleague(trx: Trx, personId: string): Promise<void> {
  const colleague = await trx
    .selectFrom('person')
    .select('id')
    .where('id', '=', personId)
    .where('staffRole', 'is not', null)
    .where('disabledAt', 'is', null)
    .forShare()
    .executeTakeFirst()
  if (colleague !== undefined) return
  throw new Refusal('INVALID_REQUEST', {
    errors: [{ pointer: '/assigneeId', message: 'Choose somebody who is on the staff.' }],
  })
}

async function nameOf(trx: Trx, personId: string): Promise<string> {
  const { name } = await trx.selectFrom('person').select('name').where('id', '=', personId).executeTakeFirstOrThrow()
  return name
}

/** The same refusal, with the name of whoever has it now. */
async function withName(trx: Trx, refusal: Refusal, ref: string, assigneeId: string | null): Promise<Refusal> {
  if (refusal.code !== 'ASSIGNED_MEANWHILE') return refusal
  const detail =
    assigneeId === null ? `Nobody has ${ref} any more.` : `${await nameOf(trx, assigneeId)} has ${ref} by now.`
  return new Refusal(refusal.code, { detail })
}

/**
 * Says who looks after a rotation; whoever may decide it still may. Given to whom it is already, nothing is written. Refuses
 * NOT_ALLOWED, NOT_FOUND, INVALID_REQUEST (an assignee who isn't on the staff), ILLEGAL_MOVE (it has ended) and ASSIGNED_MEANWHILE.
 */
export async function assignRotation(db: Db, actor: PersonActor, ref: string, assignment: Assignment): Promise<void> {
  requireRole(actor, 'rotations.assign')
  const { assigneeId, from } = assignment
  await db.transaction().execute(async (trx) => {
    if (assigneeId !== null) await lockColleague(trx, assigneeId)
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    const bar = barFromAssigning({ actorId: actor.personId, from, to: assigneeId }, rotation)
    if (bar !== null) throw await withName(trx, bar, ref, rotation.assigneeId)
    if (rotation.assigneeId === assigneeId) return
    const at = await clock(trx)
    await trx.updateTable('rotation').set({ assigneeId }).where('ref', '=', ref).execute()
    const facts = { assignee: assigneeId, previous: rotation.assigneeId }
    await recordAudit(trx, rotation.organisationId, at, { action: 'rotation.assign', actor, rotation: ref, facts })
  })
}

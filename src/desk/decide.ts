import { clock, type Db, type Trx } from '../database/connect.ts'
import { lockItems, lockRotation } from '../database/rotations/locks.ts'
import type { RotationRow } from '../database/schema.ts'
import { refuseSecret } from '../rules/keys/secret-text.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import {
  barFromDeciding,
  DECIDE_WITHIN_SECONDS,
  type Decider,
  decisionIsOverdue,
} from '../rules/rotations/approvals.ts'
import { startIsTooFar, startsAt } from '../rules/rotations/overlap.ts'
import { rotationMayMove } from '../rules/rotations/rotation-lifecycle.ts'
import { durationInWords } from '../rules/text/words.ts'
import { putRotationLetters } from './letters.ts'
import { moveItem, moveRotation } from './record.ts'

/** The person as they are now, whatever their session says. */
async function findDecider(trx: Trx, personId: string): Promise<Decider> {
  const person = await trx
    .selectFrom('person')
    .select('staffRole')
    .where('id', '=', personId)
    .where('disabledAt', 'is', null)
    .executeTakeFirst()
  const memberships = await trx
    .selectFrom('membership')
    .select('organisationId')
    .where('personId', '=', personId)
    .execute()
  const organisationIds = memberships.map((membership) => membership.organisationId)
  return { id: personId, staffRole: person?.staffRole ?? null, organisationIds }
}

/** Refuses whoever may not decide this rotation: its filer, its requester, people of its organisation, who isn't staff. */
export async function refuseIneligible(trx: Trx, actor: PersonActor, rotation: RotationRow): Promise<void> {
  const bar = barFromDeciding(await findDecider(trx, actor.personId), rotation)
  if (bar !== null) throw bar
}

async function findApprovals(trx: Trx, rotation: RotationRow): Promise<string[]> {
  const approvals = await trx
    .selectFrom('approval')
    .select('agentId')
    .where('rotationRef', '=', rotation.ref)
    .where('revision', '=', rotation.revision)
    .execute()
  return approvals.map((approval) => approval.agentId)
}

/** An agent may put the start off, never forward, and not beyond what a customer may ask for. */
function laterStart(rotation: RotationRow, notBefore: Date | null | undefined, now: Date): Date | null {
  if (notBefore === null || notBefore === undefined) return rotation.notBefore
  if (notBefore < startsAt(rotation.notBefore, now)) {
    const errors = [{ pointer: '/notBefore', message: 'The start can only be put off.' }]
    throw new Refusal('INVALID_REQUEST', { errors })
  }
  if (startIsTooFar(notBefore, now)) throw new Refusal('START_TOO_FAR')
  return notBefore
}

/** Nobody approves what has expired, whether or not a worker has been there yet. */
function refuseOverdue(rotation: RotationRow, now: Date): void {
  if (!decisionIsOverdue(rotation.nextDeadline, now)) return
  const detail = `Nobody decided for ${durationInWords(DECIDE_WITHIN_SECONDS)}, so the rotation has expired.`
  throw new Refusal('ILLEGAL_MOVE', { detail })
}

type Approval = { revision: number; note?: string | undefined; notBefore?: Date | null | undefined }

/**
 * Approves the revision that the agent saw; the last approval needed schedules. Of approvals at the same moment each counts
 * once. Refuses NOT_FOUND, NOT_ALLOWED, OWN_ROTATION, CONTAINS_SECRET,
 * ALREADY_APPROVED, STALE_REVISION, ILLEGAL_MOVE, START_TOO_FAR.
 */
export async function approveRotation(db: Db, actor: PersonActor, ref: string, approval: Approval): Promise<void> {
  requireRole(actor, 'rotations.decide')
  await db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    await refuseIneligible(trx, actor, rotation)
    refuseSecret('/note', approval.note)
    const given = await findApprovals(trx, rotation)
    if (given.includes(actor.personId)) throw new Refusal('ALREADY_APPROVED')
    if (rotation.revision !== approval.revision) throw new Refusal('STALE_REVISION')
    if (!rotationMayMove('approve', rotation.status)) throw new Refusal('ILLEGAL_MOVE')
    const at = await clock(trx)
    refuseOverdue(rotation, at)
    const notBefore = laterStart(rotation, approval.notBefore, at)
    const row = {
      rotationRef: ref,
      revision: rotation.revision,
      agentId: actor.personId,
      at,
      note: approval.note ?? '',
    }
    await trx.insertInto('approval').values(row).execute()
    const record = { actor, at, facts: { revision: rotation.revision, note: approval.note ?? '' } }
    const firstResponseAt = rotation.firstResponseAt ?? at
    if (given.length + 1 < rotation.approvalsNeeded) {
      await moveRotation(trx, rotation, 'approve', 'submitted', record, { notBefore, firstResponseAt })
      return
    }
    const start = startsAt(notBefore, at)
    const items = await lockItems(trx, ref)
    await trx.updateTable('item').set({ dueAt: start }).where('rotationRef', '=', ref).execute()
    const changes = { notBefore, decidedAt: at, nextDeadline: start, firstResponseAt }
    const scheduled = await moveRotation(trx, rotation, 'approve', 'scheduled', record, changes)
    const letter = { who: actor.name, at, items, ...(approval.note ? { note: approval.note } : {}) }
    await putRotationLetters(trx, scheduled, { ...letter, kind: 'approved', audience: 'owners' })
  })
}

/** Rejects, for good, the revision that the agent saw. Refuses NOT_FOUND, NOT_ALLOWED, OWN_ROTATION, CONTAINS_SECRET, STALE_REVISION and ILLEGAL_MOVE. */
export async function rejectRotation(
  db: Db,
  actor: PersonActor,
  ref: string,
  rejection: { revision: number; reason: string },
): Promise<void> {
  requireRole(actor, 'rotations.decide')
  await db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    await refuseIneligible(trx, actor, rotation)
    refuseSecret('/reason', rejection.reason)
    if (rotation.revision !== rejection.revision) throw new Refusal('STALE_REVISION')
    if (!rotationMayMove('reject', rotation.status)) throw new Refusal('ILLEGAL_MOVE')
    const items = await lockItems(trx, ref)
    const at = await clock(trx)
    for (const item of items) await moveItem(trx, item, 'cancel', 'cancelled', { actor, at })
    const firstResponseAt = rotation.firstResponseAt ?? at
    const decided = { decidedAt: at, decisionReason: rejection.reason, firstResponseAt }
    const changes = { ...decided, completedAt: at, nextDeadline: null }
    const record = { actor, at, facts: { reason: rejection.reason } }
    const rejected = await moveRotation(trx, rotation, 'reject', 'rejected', record, changes)
    const letter = { who: actor.name, at, note: rejection.reason, items }
    await putRotationLetters(trx, rejected, { ...letter, kind: 'rejected', audience: 'requester' })
  })
}

import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockOwner, type Owner } from '../../database/people/owners.ts'
import { findOwnerChange } from '../../database/rotations/decision-facts.ts'
import { lockItems, lockKeys, lockRotation, lockVersions } from '../../database/rotations/locks.ts'
import { findLastQuestion } from '../../database/rotations/messages.ts'
import type { ItemRow, RotationRow, VersionRow } from '../../database/schema.ts'
import { holdStopsFiling, holdUntil, onHold } from '../../rules/hold.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { isAccepted } from '../../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { approvalsNeeded, decideReminders, wasFiledOnBehalf } from '../../rules/rotations/approvals.ts'
import { changeRequest, FIELD_LABELS, fieldFact, type RequestFields } from '../../rules/rotations/conversation.ts'
import { expiresInOverlap, startIsTooFar, startsAt } from '../../rules/rotations/overlap.ts'
import { rotationMayMove } from '../../rules/rotations/rotation-lifecycle.ts'
import { joinWords } from '../../rules/text/words.ts'
import { refuseOverlong } from '../filing/terms.ts'
import { putRotationLetters } from '../letters.ts'
import { moveRotation } from '../record.ts'
import { planReminders } from '../reminders.ts'
import { insertMessage, spendMessage } from './message.ts'

export type Answer = {
  message: string
  /** What is to be otherwise than it was filed; what is left out stays. */
  changes?: Partial<{ [Field in keyof RequestFields]: RequestFields[Field] | undefined }> | undefined
  /** The question that was seen; left out, whichever is open. */
  questionId?: string | undefined
}

/** An owner who reads one question must not answer another that has taken its place meanwhile. */
async function refuseOtherQuestion(trx: Trx, ref: string, seenId: string | undefined): Promise<void> {
  if (seenId === undefined) return
  const open = await findLastQuestion(trx, ref)
  if (open !== seenId) throw new Refusal('STALE_REVISION')
}

async function lockVersionsOf(trx: Trx, items: readonly ItemRow[]): Promise<VersionRow[]> {
  const keyIds = items.map((item) => item.keyId)
  await lockKeys(trx, keyIds)
  return lockVersions(trx, keyIds)
}

/** Who changes a request files it anew in a way, so the hold is the same. Refuses ON_HOLD, and NOT_ALLOWED for who is no owner any more. */
function refuseHeld(owner: Owner | undefined, { reason }: RequestFields, now: Date): void {
  if (owner === undefined) throw new Refusal('NOT_ALLOWED')
  const until = holdUntil(owner, now)
  if (until === null || !holdStopsFiling(reason)) return
  throw onHold('a change of the request', until, owner.timeZone, ' An answer that changes nothing can be sent now.')
}

/** What is changed has to be such that it could be filed now. */
function refuseUnfit(after: RequestFields, versions: readonly VersionRow[], now: Date): void {
  if (startIsTooFar(after.notBefore, now)) throw new Refusal('START_TOO_FAR')
  const start = startsAt(after.notBefore, now)
  const expiring = versions.some(
    (version) => isAccepted(version, now) && expiresInOverlap(start, after.overlapSeconds, version.ownEnd),
  )
  if (expiring) throw new Refusal('EXPIRES_IN_OVERLAP')
}

/** What was and what is, as the audit trail keeps it. */
function changeFacts(before: RequestFields, after: RequestFields, changed: readonly (keyof RequestFields)[]) {
  const pairs = changed.flatMap((field) => [
    [`${field}Before`, fieldFact(before, field)] as const,
    [`${field}After`, fieldFact(after, field)] as const,
  ])
  return { changed, ...Object.fromEntries(pairs) }
}

/** A changed request is a new revision: approvals were for the one before, and how many it needs is decided anew. */
async function changedRow(trx: Trx, rotation: RotationRow, after: RequestFields, itemCount: number, at: Date) {
  const filedOnBehalf = wasFiledOnBehalf(rotation)
  const ownerChangedAt = await findOwnerChange(trx, rotation.organisationId)
  const approvalsByPolicy = rotation.terms.approvalsNeeded
  return {
    ...after,
    revision: rotation.revision + 1,
    approvalsNeeded: approvalsNeeded({ ...after, itemCount, filedOnBehalf, ownerChangedAt, approvalsByPolicy }, at),
  }
}

type Told = { actor: PersonActor; at: Date; note: string; decideBy: Date; distinction: string; items: ItemRow[] }

/** To the desk, and, when something was changed, to the other owners: nobody changes a request behind their backs. */
async function tell(
  trx: Trx,
  rotation: RotationRow,
  { actor, ...told }: Told,
  changed: readonly (keyof RequestFields)[],
): Promise<void> {
  const words = changed.map((field) => FIELD_LABELS[field].toLowerCase())
  const note = changed.length === 0 ? told.note : `${told.note}\n\nThis answer changed: ${joinWords(words)}.`
  const letter = { ...told, note, who: actor.name, except: actor.personId } as const
  await putRotationLetters(trx, rotation, { ...letter, kind: 'answered', audience: 'assignee' })
  if (changed.length > 0) await putRotationLetters(trx, rotation, { ...letter, kind: 'message', audience: 'owners' })
}

/**
 * Answers the open question; the agents' time to decide goes on with what was left of it. An answer that changes the request makes
 * a new revision, which voids the approvals given; one that changes nothing keeps both. Which keys it is about stays as it was filed.
 * Refuses NOT_ALLOWED, NOT_FOUND, CONTAINS_SECRET, ILLEGAL_MOVE, STALE_REVISION (another question than `questionId` is open),
 * ON_HOLD, START_TOO_FAR, EXPIRES_IN_OVERLAP, OVERLAP_TOO_LONG, COOLDOWN_TOO_LONG and TOO_MANY_REQUESTS.
 */
export async function answerQuestion(db: Db, actor: PersonActor, ref: string, answer: Answer): Promise<void> {
  requireRole(actor, 'rotations.answer')
  await spendMessage(db, actor)
  await db.transaction().execute(async (trx) => {
    // Rows of people are locked before all others.
    const owner = answer.changes && (await lockOwner(trx, actor.organisationId ?? '', actor.personId))
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    refuseSecret('/message', answer.message)
    refuseSecret('/changes/details', answer.changes?.details)
    if (!rotationMayMove('answer', rotation.status)) throw new Refusal('ILLEGAL_MOVE')
    await refuseOtherQuestion(trx, ref, answer.questionId)
    const items = await lockItems(trx, ref)
    const { after, changed } = changeRequest(rotation, answer.changes ?? {})
    const isChanged = changed.length > 0
    const versions = isChanged ? await lockVersionsOf(trx, items) : []
    const at = await clock(trx)
    if (isChanged) refuseHeld(owner, after, at)
    if (isChanged) refuseUnfit(after, versions, at)
    if (isChanged) refuseOverlong(rotation.terms, items, rotation, after)
    const row = isChanged ? await changedRow(trx, rotation, after, items.length, at) : {}
    const deadline = new Date(at.getTime() + (rotation.clockLeftSeconds ?? 0) * 1000)
    const message = await insertMessage(trx, rotation, actor, { kind: 'answer', body: answer.message, at })
    const revision = rotation.revision + (isChanged ? 1 : 0)
    const record = { actor, at, facts: { revision, message, ...changeFacts(rotation, after, changed) } }
    const changes = { ...row, nextDeadline: deadline, clockLeftSeconds: null }
    const answered = await moveRotation(trx, rotation, 'answer', 'submitted', record, changes)
    await planReminders(trx, ref, decideReminders(deadline, at))
    const told = { actor, at, note: answer.message, decideBy: deadline, distinction: message, items }
    await tell(trx, answered, told, changed)
  })
}

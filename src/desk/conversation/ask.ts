import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockItems, lockRotation } from '../../database/rotations/locks.ts'
import type { RotationRow } from '../../database/schema.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { answerBy, answerReminders, isOnCustomersSide, secondsLeft } from '../../rules/rotations/conversation.ts'
import { rotationMayMove } from '../../rules/rotations/rotation-lifecycle.ts'
import { putRotationLetters } from '../letters.ts'
import { moveRotation } from '../record.ts'
import { planReminders } from '../reminders.ts'
import { insertMessage } from './message.ts'

async function refuseCustomersSide(trx: Trx, actor: PersonActor, rotation: RotationRow): Promise<void> {
  const memberships = await trx
    .selectFrom('membership')
    .select('organisationId')
    .where('personId', '=', actor.personId)
    .execute()
  const organisationIds = memberships.map((membership) => membership.organisationId)
  if (isOnCustomersSide({ id: actor.personId, organisationIds }, rotation)) throw new Refusal('OWN_ROTATION')
}

/**
 * Asks the customer about the revision that the agent saw. The agents' time to decide stands still until an owner answers, who
 * has 14 days for it. Refuses NOT_ALLOWED, NOT_FOUND, OWN_ROTATION, CONTAINS_SECRET, STALE_REVISION and ILLEGAL_MOVE.
 */
export async function askCustomer(
  db: Db,
  actor: PersonActor,
  ref: string,
  question: { revision: number; message: string },
): Promise<void> {
  requireRole(actor, 'rotations.decide')
  await db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    await refuseCustomersSide(trx, actor, rotation)
    refuseSecret('/message', question.message)
    if (rotation.revision !== question.revision) throw new Refusal('STALE_REVISION')
    if (!rotationMayMove('ask', rotation.status)) throw new Refusal('ILLEGAL_MOVE')
    const items = await lockItems(trx, ref)
    const at = await clock(trx)
    const deadline = answerBy(at)
    const message = await insertMessage(trx, rotation, actor, { kind: 'question', body: question.message, at })
    const changes = {
      clockLeftSeconds: secondsLeft(rotation.nextDeadline, at),
      nextDeadline: deadline,
      firstResponseAt: rotation.firstResponseAt ?? at,
    }
    const record = { actor, at, facts: { revision: rotation.revision, message } }
    const asked = await moveRotation(trx, rotation, 'ask', 'needs_info', record, changes)
    await planReminders(trx, ref, answerReminders(deadline))
    await putRotationLetters(trx, asked, {
      kind: 'question',
      audience: 'owners',
      who: actor.name,
      except: actor.personId,
      at,
      note: question.message,
      decideBy: deadline,
      distinction: message,
      items,
    })
  })
}

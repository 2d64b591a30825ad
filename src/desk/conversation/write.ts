import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { lockItems, lockRotation } from '../../database/rotations/locks.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { putRotationLetters } from '../letters.ts'
import { insertMessage, isStaff, spendMessage } from './message.ts'

/**
 * Writes to the other side of a rotation, whatever has become of it; the other side gets a letter. Answers the message's id.
 * Refuses NOT_ALLOWED, NOT_FOUND, CONTAINS_SECRET and TOO_MANY_REQUESTS.
 */
export async function writeMessage(
  db: Db,
  actor: PersonActor,
  ref: string,
  body: string,
): Promise<{ messageId: string }> {
  requireRole(actor, 'rotations.write')
  await spendMessage(db, actor)
  return db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    refuseSecret('/body', body)
    const items = await lockItems(trx, ref)
    const at = await clock(trx)
    const messageId = await insertMessage(trx, rotation, actor, { kind: 'message', body, at })
    if (isStaff(actor)) {
      const firstResponseAt = rotation.firstResponseAt ?? at
      await trx.updateTable('rotation').set({ firstResponseAt }).where('ref', '=', ref).execute()
    }
    const letter = { kind: 'message', who: actor.name, except: actor.personId, at, note: body, items } as const
    const audience = isStaff(actor) ? 'participants' : 'assignee'
    await putRotationLetters(trx, rotation, { ...letter, audience, distinction: messageId })
    const facts = { message: messageId }
    await recordAudit(trx, rotation.organisationId, at, { action: 'rotation.message', actor, rotation: ref, facts })
    return { messageId }
  })
}

/**
 * Notes something for the staff alone: no letter tells of it, and its audit entry stands in the desk's own chain, since members read
 * their organisation's. Answers the note's id. Refuses NOT_ALLOWED, NOT_FOUND and CONTAINS_SECRET.
 */
export async function writeNote(db: Db, actor: PersonActor, ref: string, body: string): Promise<{ messageId: string }> {
  requireRole(actor, 'rotations.note')
  return db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, actor.organisationId)
    refuseSecret('/body', body)
    const at = await clock(trx)
    const messageId = await insertMessage(trx, rotation, actor, { kind: 'note', body, at })
    const facts = { message: messageId }
    await recordAudit(trx, DESK_CHAIN, at, { action: 'rotation.note', actor, rotation: ref, facts })
    return { messageId }
  })
}

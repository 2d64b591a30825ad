import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { lockPerson } from '../../database/people/people.ts'
import type { Bearer } from '../sign-in/bearers.ts'

/** Which of the person's sessions: one of them, or all but the one that asks. */
export type WhichSessions = { id: string } | 'others'

/**
 * Ends sessions of the person's at once, with their step-ups. One that is somebody else's or over already is left alone, so
 * that again does nothing.
 */
export async function endSessions(db: Db, { id, actor }: Bearer, which: WhichSessions): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await lockPerson(trx, actor.personId)
    const at = await clock(trx)
    const own = trx.deleteFrom('session').where('personId', '=', actor.personId)
    const meant = which === 'others' ? own.where('id', '!=', id) : own.where('id', '=', which.id)
    const ended = await meant.returning('id').execute()
    const ids = ended.map((session) => session.id)
    if (ids.length === 0) return
    await trx.deleteFrom('stepUp').where('bearerId', 'in', ids).execute()
    const facts = { person: actor.personId, sessions: ids }
    await recordAudit(trx, actor.organisationId ?? DESK_CHAIN, at, { action: 'person.end_sessions', actor, facts })
  })
}

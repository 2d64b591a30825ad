import { DESK_CHAIN, recordAudits } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'

/**
 * Makes a letter that was given up due again, or all of them without an id: each is tried as often as a new one. One that is sent, or due
 * anyway, stays as it is. How many were made due. Refuses NOT_ALLOWED.
 */
export async function sendAgain(db: Db, actor: PersonActor, letterId?: string): Promise<number> {
  requireRole(actor, 'health.view')
  return db.transaction().execute(async (trx) => {
    let wanted = trx.selectFrom('letter').select(['id', 'kind']).where('gaveUpAt', 'is not', null).orderBy('id')
    if (letterId !== undefined) wanted = wanted.where('id', '=', letterId)
    const letters = await wanted.limit(1_000).forNoKeyUpdate().execute()
    if (letters.length === 0) return 0
    const at = await clock(trx)
    await trx
      .updateTable('letter')
      .set({ nextAttemptAt: at, gaveUpAt: null, attempts: 0 })
      .where(
        'id',
        'in',
        letters.map((letter) => letter.id),
      )
      .execute()
    const entries = letters.map(({ id, kind }) => ({ action: 'letter.send_again', actor, facts: { letter: id, kind } }))
    await recordAudits(trx, DESK_CHAIN, at, entries)
    return letters.length
  })
}

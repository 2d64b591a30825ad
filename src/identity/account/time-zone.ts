import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { lockPerson } from '../../database/people/people.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { isTimeZone } from '../../rules/text/times.ts'

/** Sets the time zone in which a person's pages and letters tell times. Refuses INVALID_REQUEST for one that nobody knows. */
export async function setTimeZone(db: Db, actor: PersonActor, timeZone: string): Promise<void> {
  if (!isTimeZone(timeZone)) {
    const errors = [{ pointer: '/timeZone', message: 'Choose a time zone from the list.' }]
    throw new Refusal('INVALID_REQUEST', { errors })
  }
  await db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, actor.personId)
    if (person.timeZone === timeZone) return
    const at = await clock(trx)
    // the daily letter's next time is worked out anew
    const change = { timeZone, digestDueAt: new Date(0) }
    await trx.updateTable('person').set(change).where('id', '=', person.id).execute()
    const chain = actor.organisationId ?? DESK_CHAIN
    await recordAudit(trx, chain, at, { action: 'person.set_time_zone', actor, facts: { timeZone } })
  })
}

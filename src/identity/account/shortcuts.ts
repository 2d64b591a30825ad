import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { lockPerson } from '../../database/people/people.ts'
import type { PersonActor } from '../../rules/permissions.ts'

/** Switches a person's keyboard shortcuts on or off (WCAG 2.2, 2.1.4). */
export async function setShortcuts(db: Db, actor: PersonActor, shortcuts: boolean): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, actor.personId)
    if (person.shortcuts === shortcuts) return
    const at = await clock(trx)
    await trx.updateTable('person').set({ shortcuts }).where('id', '=', person.id).execute()
    const chain = actor.organisationId ?? DESK_CHAIN
    await recordAudit(trx, chain, at, { action: 'person.set_shortcuts', actor, facts: { shortcuts } })
  })
}

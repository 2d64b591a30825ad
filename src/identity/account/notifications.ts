import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { lockPerson } from '../../database/people/people.ts'
import { TOPICS, type Topic } from '../../rules/letter-topics.ts'
import type { PersonActor } from '../../rules/permissions.ts'

/**
 * Sets the topics that a person gets letters about, of those that were offered; what they chose about others stays. Letters about their
 * security, and what owners are always told, come whatever is chosen.
 */
export async function chooseTopics(
  db: Db,
  actor: PersonActor,
  offered: readonly Topic[],
  wanted: readonly string[],
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, actor.personId)
    const isMuted = (topic: Topic) =>
      offered.includes(topic) ? !wanted.includes(topic) : person.mutedTopics.includes(topic)
    const mutedTopics = TOPICS.filter(isMuted)
    if (mutedTopics.join() === person.mutedTopics.join()) return
    const at = await clock(trx)
    await trx.updateTable('person').set({ mutedTopics }).where('id', '=', person.id).execute()
    const facts = { mutedTopics }
    await recordAudit(trx, actor.organisationId ?? DESK_CHAIN, at, { action: 'person.choose_topics', actor, facts })
  })
}

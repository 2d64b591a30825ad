import type { Db } from '../database/connect.ts'
import { lockPerson } from '../database/people/people.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import { cleanName, NAME_PROBLEM, nameProblem } from '../rules/text/names.ts'

export const MOST_SAVED_VIEWS = 20
const LONGEST_NAME = 60

function refuse(message: string): Refusal {
  return new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/name', message }] })
}

/**
 * Keeps a query of the queue under a name of the person's own; under the same name it takes the other's place. Refuses
 * NOT_ALLOWED, and INVALID_REQUEST for a name that is none or one too many.
 */
export async function saveView(db: Db, actor: PersonActor, view: { name: string; query: string }): Promise<void> {
  requireRole(actor, 'rotations.decide')
  const name = cleanName(view.name)
  const problem = nameProblem(view.name)
  if (name === null || problem !== null) throw refuse(problem ?? NAME_PROBLEM)
  if (name.length > LONGEST_NAME) throw refuse(`Use at most ${LONGEST_NAME} characters.`)
  const row = { personId: actor.personId, name, query: view.query }
  await db.transaction().execute(async (trx) => {
    await lockPerson(trx, actor.personId)
    const saved = await trx.selectFrom('savedView').select('name').where('personId', '=', actor.personId).execute()
    const others = saved.filter((other) => other.name !== name)
    if (others.length >= MOST_SAVED_VIEWS) throw refuse(`You have ${MOST_SAVED_VIEWS} saved views. Remove one first.`)
    const insert = trx.insertInto('savedView').values(row)
    await insert
      .onConflict((conflict) => conflict.columns(['personId', 'name']).doUpdateSet({ query: row.query }))
      .execute()
  })
}

/** Forgets a saved view; one that isn't there is forgotten already. Refuses NOT_ALLOWED. */
export async function removeSavedView(db: Db, actor: PersonActor, name: string): Promise<void> {
  requireRole(actor, 'rotations.decide')
  await db.transaction().execute(async (trx) => {
    await trx.deleteFrom('savedView').where('personId', '=', actor.personId).where('name', '=', name).execute()
  })
}

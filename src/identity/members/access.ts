import type { Trx } from '../../database/connect.ts'

/** `everywhere`, or one place: an organisation's id, or null for the staff. */
type Place = { organisationId: string | null } | 'everywhere'

/**
 * Ends a person's sessions and tokens in a place at once, with their step-ups. They would be of no use without the membership;
 * so they are of none either when the person comes back.
 */
export async function endAccess(trx: Trx, personId: string, place: Place, at: Date): Promise<void> {
  const sessions = await trx
    .deleteFrom('session')
    .where('personId', '=', personId)
    .$if(place !== 'everywhere', (query) =>
      query.where('organisationId', 'is not distinct from', place === 'everywhere' ? null : place.organisationId),
    )
    .returning('id')
    .execute()
  const tokens = await trx
    .updateTable('personalToken')
    .set({ revokedAt: at })
    .where('personId', '=', personId)
    .where('revokedAt', 'is', null)
    .$if(place !== 'everywhere', (query) =>
      query.where('organisationId', 'is not distinct from', place === 'everywhere' ? null : place.organisationId),
    )
    .returning('id')
    .execute()
  const bearers = [...sessions, ...tokens].map(({ id }) => id)
  if (bearers.length > 0) await trx.deleteFrom('stepUp').where('bearerId', 'in', bearers).execute()
}

/** Ends a person's step-ups everywhere: a code given for one role is none for another. */
export async function endStepUps(trx: Trx, personId: string): Promise<void> {
  await trx.deleteFrom('stepUp').where('personId', '=', personId).execute()
}

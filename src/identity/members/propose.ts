import type { Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { findSeenKeyIds, MOST_PROPOSED } from '../../database/proposals/find.ts'
import { tellOwners } from '../../outbox/notices.ts'
import type { Role } from '../../rules/permissions.ts'
import type { ProposalCause } from '../../rules/proposals.ts'
import { count } from '../../rules/text/words.ts'

type Concerned = {
  place: { organisationId: string; organisation: string }
  person: { personId: string; name: string; role: Role }
  cause: ProposalCause
  at: Date
}

const WHY = {
  password_changed: 'Their password was changed; somebody else may have known the old one.',
  member_removed: 'They are no member any more.',
  role_changed: 'By their new role they need no keys any more.',
  account_disabled: 'Their account was disabled.',
} as const satisfies Record<ProposalCause, string>

/**
 * Proposes to the owners of an organisation to rotate the keys that this person picked up; where they picked up none, all of its keys, since
 * an owner or developer may know them from elsewhere. One proposal about a person is open at a time. Call it before the audit chain is held.
 */
export async function proposeRotation(trx: Trx, { place, person, cause, at }: Concerned): Promise<void> {
  const { seen, all } = await findSeenKeyIds(trx, place.organisationId, person.personId)
  const mayKnowAll = person.role === 'owner' || person.role === 'developer'
  const keyIds = (seen.length === 0 && mayKnowAll ? all : seen).slice(0, MOST_PROPOSED)
  if (keyIds.length === 0) return
  const row = { cause, keyIds, at }
  const { id } = await trx
    .insertInto('proposal')
    .values({ id: newId('proposal'), organisationId: place.organisationId, personId: person.personId, ...row })
    .onConflict((conflict) =>
      conflict.columns(['organisationId', 'personId']).where('endedAt', 'is', null).doUpdateSet(row),
    )
    .returning('id')
    .executeTakeFirstOrThrow()
  const known = seen.length === 0 ? 'may know' : 'picked up'
  await tellOwners(trx, place.organisationId, {
    notice: 'rotation_proposed',
    key: `${id}/${at.toISOString()}`,
    who: null,
    about: person.name,
    note: `${WHY[cause]} They ${known} ${count(keyIds.length, 'key')}, so think of replacing what they know; dismiss the proposal under Rotations if there is no need.`,
    path: `/rotations/new?proposal=${id}`,
    at,
  })
}

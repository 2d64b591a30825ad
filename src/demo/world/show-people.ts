import type { Db } from '../../database/connect.ts'
import { inviteMember } from '../../identity/members/organisations.ts'
import { openRecoveryCase } from '../../identity/recovery/open.ts'
import type { People } from './people.ts'

/** An invitation that nobody has accepted yet, and a recovery case that waits for a second agent or for an owner's objection. */
export async function showPeople(db: Db, { organisations, agents }: People): Promise<void> {
  const [first, second] = organisations
  const viewer = second?.others.at(-1)
  const agent = agents[0]
  if (first === undefined || viewer === undefined || agent === undefined) throw new Error('somebody is missing')
  const colleague = { name: 'Ola Berg', email: 'second.owner@fjord.example', role: 'owner' } as const
  await inviteMember(db, first.owner.actor, { ...colleague, organisationId: first.id })
  const { personId, organisationId } = viewer.actor
  await openRecoveryCase(db, agent.actor, {
    kind: 'lost_access',
    organisationId,
    personId,
    verifiedBy:
      'Called back on the number in the contract. Knew the last rotation of Storefront; Omar Haddad was not reached.',
    checks: ['called_back', 'knows', 'asked_others'],
  })
}

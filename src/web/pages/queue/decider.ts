import type { Decider } from '../../../database/queue/tiers.ts'
import type { PersonActor } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { actorFor, type WebContext } from '../../context.ts'

/** The one of the staff who looks, for whom the queue is put in order. Refuses NOT_ALLOWED. */
export function deciderFor(c: WebContext): { actor: PersonActor; decider: Decider } {
  const actor = actorFor(c, 'rotations.decide')
  if (actor.role !== 'agent' && actor.role !== 'admin') throw new Refusal('NOT_ALLOWED')
  return { actor, decider: { personId: actor.personId, role: actor.role } }
}

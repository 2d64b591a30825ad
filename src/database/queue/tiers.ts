import { type ExpressionBuilder, sql } from 'kysely'
import { ENDED_ROTATION_STATUSES, type RotationStatus } from '../../rules/rotations/rotation-lifecycle.ts'
import type { Refs } from '../rotations/search.ts'
import type { Database } from '../schema.ts'

/** What the queue shows under one name; `all` is what a search looks through. */
export const QUEUE_VIEWS = ['decide', 'waiting', 'scheduled', 'running', 'overlap', 'closed', 'all'] as const
export type QueueView = (typeof QUEUE_VIEWS)[number]

/** The one of the staff for whom the queue is put in order. */
export type Decider = { personId: string; role: 'agent' | 'admin' }

export type Narrow = (refs: Refs) => Refs
/** What is due or late first, what ended last first, the newest first. */
export type Order = 'deadline' | 'end' | 'age'
/** Rotations that all come before those of the next tier; each branch of them is read in its order from an index. */
export type Tier = { order: Order; branches: readonly Narrow[] }

type Is = ExpressionBuilder<Database, 'rotation'>

/** As `barFromDeciding`: nobody decides their own, and admins only what was filed on behalf. */
function isEligible(is: Is, { personId, role }: Decider) {
  const own = is.selectFrom('membership').select('organisationId').where('personId', '=', personId)
  return is.and([
    is('rotation.requesterId', '!=', personId),
    is('rotation.filedById', 'is distinct from', personId),
    is('rotation.organisationId', 'not in', own),
    ...(role === 'admin' ? [is('rotation.filedById', '!=', is.ref('rotation.requesterId'))] : []),
  ])
}

function hasApproved(is: Is, { personId }: Decider) {
  const given = is
    .selectFrom('approval')
    .select('approval.agentId')
    .whereRef('approval.rotationRef', '=', 'rotation.ref')
    .whereRef('approval.revision', '=', 'rotation.revision')
    .where('approval.agentId', '=', personId)
  return is.exists(given)
}

function waitingFollowUps(is: Is) {
  return is
    .selectFrom('followUp')
    .select('followUp.rotationRef')
    .where('followUp.status', '=', 'requested')
    .where('followUp.approvalsNeeded', '>', 0)
}

function followUpsFor(is: Is, { personId }: Decider) {
  return waitingFollowUps(is).where((also) =>
    also.not(
      also.exists(
        also
          .selectFrom('followUpApproval')
          .select('followUpApproval.agentId')
          .whereRef('followUpApproval.followUpId', '=', 'followUp.id')
          .where('followUpApproval.agentId', '=', personId),
      ),
    ),
  )
}

const inStatus =
  (status: RotationStatus): Narrow =>
  (refs) =>
    refs.where('rotation.status', '=', status)

const URGENCY = sql<number>`case rotation.reason when 'compromised' then 0 else 1 end`

function submitted(urgency: 0 | 1, mine: boolean, decider: Decider): Tier {
  const branch: Narrow = (refs) =>
    refs
      .where('rotation.status', '=', 'submitted')
      .where(URGENCY, '=', urgency)
      .where((is) => {
        const isMine = is.and([isEligible(is, decider), is.not(hasApproved(is, decider))])
        return mine ? isMine : is.not(isMine)
      })
  return { order: 'deadline', branches: [branch] }
}

function followUps(mine: boolean, decider: Decider): Tier {
  const branch: Narrow = (refs) =>
    refs
      .where((is) => is('rotation.ref', 'in', waitingFollowUps(is)))
      .where((is) => {
        const isMine = is.and([isEligible(is, decider), is('rotation.ref', 'in', followUpsFor(is, decider))])
        return mine ? isMine : is.not(isMine)
      })
  return { order: 'deadline', branches: [branch] }
}

/**
 * What this agent can decide: leaked keys, then what was asked for while an old key is about to stop, then the rest; each by
 * its deadline.
 */
export function tiersToDecide(decider: Decider): readonly Tier[] {
  return [submitted(0, true, decider), followUps(true, decider), submitted(1, true, decider)]
}

/** The same for what waits for somebody else's decision. */
function tiersOfOthers(decider: Decider): readonly Tier[] {
  return [submitted(0, false, decider), followUps(false, decider), submitted(1, false, decider)]
}

function byDeadline(status: RotationStatus): Tier {
  return { order: 'deadline', branches: [inStatus(status)] }
}

/** What a view shows, in its order. */
export function tiersOf(view: QueueView, decider: Decider): readonly Tier[] {
  switch (view) {
    case 'decide':
      return [...tiersToDecide(decider), ...tiersOfOthers(decider)]
    case 'waiting':
      return [byDeadline('needs_info')]
    case 'scheduled':
      return [byDeadline('scheduled')]
    case 'running':
      return [byDeadline('needs_attention'), byDeadline('executing')]
    case 'overlap':
      return [byDeadline('overlap')]
    case 'closed':
      return [{ order: 'end', branches: ENDED_ROTATION_STATUSES.map(inStatus) }]
    case 'all':
      return [{ order: 'age', branches: [(refs) => refs] }]
  }
}

/** The same without an order, for counting. */
export function branchesOf(view: QueueView): readonly Narrow[] {
  if (view === 'decide') {
    return [inStatus('submitted'), (refs) => refs.where((is) => is('rotation.ref', 'in', waitingFollowUps(is)))]
  }
  return tiersOf(view, { personId: '', role: 'agent' }).flatMap(({ branches }) => branches)
}

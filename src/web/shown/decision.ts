import type { DecisionFacts } from '../../database/rotations/decision-facts.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { mayDecide } from '../../rules/rotations/approvals.ts'
import { isOnCustomersSide } from '../../rules/rotations/conversation.ts'
import { rotationMayMove } from '../../rules/rotations/rotation-lifecycle.ts'
import { barred, checks } from './checks.ts'
import { whatChanges } from './what-changes.ts'

function mayReject(rotation: RotationView, facts: DecisionFacts, { personId, role }: PersonActor): boolean {
  const staffRole = role === 'admin' || role === 'agent' ? role : null
  const person = { id: personId, staffRole, organisationIds: facts.ownOrganisationIds }
  return mayDecide(person, {
    requesterId: rotation.requester.id,
    filedById: rotation.filedBy?.id ?? null,
    organisationId: rotation.organisationId,
  })
}

function mayAsk(rotation: RotationView, facts: DecisionFacts, { personId }: PersonActor): boolean {
  const person = { id: personId, organisationIds: facts.ownOrganisationIds }
  const onTheirSide = isOnCustomersSide(person, { ...rotation, requesterId: rotation.requester.id })
  return rotationMayMove('ask', rotation.status) && !onTheirSide
}

/** Whether somebody of the staff has something to decide about it. */
export function waitsForDecision({ status }: RotationView): boolean {
  return rotationMayMove('approve', status) || rotationMayMove('reject', status)
}

/** What the staff decide on, on one page: what would change, what the desk can see by itself, and the ways open to this person. */
export function decisionView(
  rotation: RotationView,
  facts: DecisionFacts,
  actor: PersonActor,
  timeZone: string,
  now: Date,
) {
  const { ref, approvals, approvalsNeeded } = rotation
  const asked = !rotationMayMove('approve', rotation.status)
  const bar = barred(rotation, facts, actor)
  return {
    changes: whatChanges(rotation, timeZone, now),
    checks: checks(rotation, facts, timeZone, now),
    barred: asked ? 'The customer was asked. It can be approved once an owner has answered.' : bar,
    mayAsk: mayAsk(rotation, facts, actor),
    mayReject: mayReject(rotation, facts, actor),
    approveAction: `/rotations/${ref}/approval`,
    rejectAction: `/rotations/${ref}/rejection`,
    askAction: `/rotations/${ref}/question`,
    approvalWord: approvalsNeeded === 1 ? null : `${approvals.length + 1} of ${approvalsNeeded}`,
  }
}

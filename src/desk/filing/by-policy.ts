import type { Trx } from '../../database/connect.ts'
import { findOwnerChange } from '../../database/rotations/decision-facts.ts'
import type { RotationRow } from '../../database/schema.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { startsAt } from '../../rules/rotations/overlap.ts'
import { barFromPolicy, type PolicyBar, type Standing } from '../../rules/rotations/self-service.ts'
import { moveRotation } from '../record.ts'
import type { Requester, Way } from './requester.ts'

type ByPolicy = {
  actor: PersonActor
  requester: Requester
  selfService: boolean
  itemCount: number
  way: Way
  at: Date
}

/** Making an unattended token that may roll keys was the approval of what it rolls; that of any other was none. */
function standingOf(actor: PersonActor, way: Way): Standing {
  if (actor.token?.unattended !== true) return 'step_up'
  return way === 'keys.roll' ? 'token' : 'none'
}

/** Why agents have to decide a filing although its services may have self-service, or null when they needn't. */
export async function findPolicyBar(trx: Trx, filed: ByPolicy): Promise<PolicyBar | null> {
  const { actor, requester, selfService, itemCount, way, at } = filed
  const facts = {
    selfService,
    standing: standingOf(actor, way),
    itemCount,
    filedOnBehalf: requester.verifiedBy !== null,
    ownerChangedAt: await findOwnerChange(trx, requester.organisationId),
  }
  return barFromPolicy(facts, at)
}

/** Schedules what was just filed as approved by the policy of its services; who or which token stands behind it is recorded. */
export async function approveByPolicy(trx: Trx, rotation: RotationRow, { actor, way, at }: ByPolicy) {
  const byTokenId = standingOf(actor, way) === 'token' ? (actor.token?.id ?? null) : null
  const start = startsAt(rotation.notBefore, at)
  await trx.updateTable('item').set({ dueAt: start }).where('rotationRef', '=', rotation.ref).execute()
  const facts = { byPolicy: true, revision: rotation.revision }
  const decided = { decidedAt: at, nextDeadline: start }
  const changes = { ...decided, approvalsNeeded: 0, byPolicy: true, byTokenId }
  return moveRotation(trx, rotation, 'approve', 'scheduled', { actor, at, facts }, changes)
}

import { sql } from 'kysely'
import type { Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { findPolicies } from '../../database/policy.ts'
import { findOwnerChange } from '../../database/rotations/decision-facts.ts'
import type { KeyInService } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../../database/schema.ts'
import { isUniqueViolation } from '../../database/violations.ts'
import type { Actor } from '../../rules/permissions.ts'
import type { FiledTerms } from '../../rules/policy.ts'
import { Refusal } from '../../rules/refusals.ts'
import { approvalsNeeded, decideBy } from '../../rules/rotations/approvals.ts'
import { clockOf } from '../../rules/rotations/overlap.ts'
import { UNBORN } from '../../rules/rotations/rotation-lifecycle.ts'
import { type MoveRecord, recordItemMoves, recordRotationMove } from '../record.ts'
import type { SettledFiling } from './filing.ts'
import type { Requester } from './requester.ts'

/** The next reference; one that isn't used after all is left out. */
export async function nextRef(trx: Trx): Promise<string> {
  const { rows } = await sql<{ number: string }>`select nextval('rotation_number') as number`.execute(trx)
  return `ROT-${rows[0]?.number}`
}

type Filed = {
  ref: string
  filing: SettledFiling
  /** Of the policies as they are now. */
  terms: FiledTerms
  requester: Requester
  itemCount: number
  /** A person, or the desk itself for a cause of its own. */
  actor: Actor
  cause?: Cause
  at: Date
}
/** Why the desk filed it with nobody's hand in it, and where that can be seen. */
export type Cause = { trigger: 'age' | 'leak'; evidenceUrl?: string | null }

/** What the audit trail tells of a filing. */
function filedFacts({ filing, requester, cause }: Filed) {
  const { reason, overlapSeconds, replaces } = filing
  const { overlapEnds, graceSeconds } = clockOf(filing)
  const { owner, verifiedBy } = requester
  return {
    reason,
    overlapSeconds,
    revision: 1,
    ...(overlapEnds === 'at_end' ? {} : { overlapEnds, graceSeconds }),
    ...(verifiedBy === null ? {} : { onBehalfOf: owner.personId, verifiedBy }),
    ...(replaces === undefined ? {} : { replaces }),
    ...(cause === undefined ? {} : { trigger: cause.trigger }),
  }
}

/** Writes the rotation, waiting for as many approvals as it needs now. */
export async function insertRotation(trx: Trx, filed: Filed): Promise<RotationRow> {
  const { ref, filing, terms, requester, itemCount, actor, cause, at } = filed
  const { reason, overlapSeconds } = filing
  const { organisationId, verifiedBy } = requester
  const ownerChangedAt = await findOwnerChange(trx, organisationId)
  const filedOnBehalf = verifiedBy !== null
  const approvalsByPolicy = terms.approvalsNeeded
  const facts = { reason, overlapSeconds, itemCount, filedOnBehalf, ownerChangedAt, approvalsByPolicy }
  const step = { move: 'submit', from: UNBORN, to: 'submitted', sequence: 1 } as const
  await recordRotationMove(trx, { ref, organisationId }, step, { actor, at, facts: filedFacts(filed) })
  return trx
    .insertInto('rotation')
    .values({
      ref,
      organisationId,
      requesterId: requester.owner.personId,
      filedById: actor.kind === 'person' ? actor.personId : null,
      trigger: cause?.trigger ?? null,
      evidenceUrl: cause?.evidenceUrl ?? null,
      status: 'submitted',
      historySequence: 1,
      reason,
      details: filing.details ?? '',
      notBefore: filing.notBefore ?? null,
      overlapSeconds,
      ...clockOf(filing),
      terms: JSON.stringify(terms),
      approvalsNeeded: approvalsNeeded(facts, at),
      createdAt: at,
      nextDeadline: decideBy(at),
      verifiedBy,
      replacesRef: filing.replaces ?? null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Writes an item for each key, in their order, with the cooldown that its service has now. Refuses ROTATION_IN_PROGRESS when one is in a live rotation. */
export async function insertItems(
  trx: Trx,
  rotation: RotationRow,
  keys: readonly KeyInService[],
  record: MoveRecord,
): Promise<ItemRow[]> {
  const { ref, organisationId } = rotation
  const policies = await findPolicies(
    trx,
    keys.map((key) => key.serviceId),
  )
  const rows = keys.map((key, position) => ({
    id: newId('item'),
    rotationRef: ref,
    organisationId,
    position,
    serviceId: key.serviceId,
    keyId: key.id,
    kind: key.kind,
    status: 'pending' as const,
    historySequence: 1,
    cooldownSeconds: policies.get(key.serviceId)?.cooldownSeconds ?? 0,
  }))
  const added = { move: 'add', from: UNBORN, to: 'pending', sequence: 1 } as const
  const steps = rows.map(({ id, keyId }) => ({ itemId: id, keyId, ...added }))
  await recordItemMoves(trx, rotation, steps, record)
  const items = await trx
    .insertInto('item')
    .values(rows)
    .returningAll()
    .execute()
    .catch((error: unknown) => {
      throw isUniqueViolation(error, 'one_live_item_per_key') ? new Refusal('ROTATION_IN_PROGRESS') : error
    })
  return items.toSorted((a, b) => a.position - b.position)
}

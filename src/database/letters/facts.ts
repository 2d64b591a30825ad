import type { ExpressionBuilder } from 'kysely'
import { startsAt } from '../../rules/rotations/overlap.ts'
import type { Trx } from '../connect.ts'
import type { Database, ItemRow, RotationRow } from '../schema.ts'

/** Before the execution the version to replace is the key's newest. */
function newestLast4(is: ExpressionBuilder<Database, 'item'>) {
  return is
    .selectFrom('version')
    .select('version.last4')
    .whereRef('version.keyId', '=', 'item.keyId')
    .orderBy('version.createdAt', 'desc')
    .orderBy('version.id', 'desc')
    .limit(1)
}

/** Facts of the items for a letter: which service and key, the ends of both versions, when the old one stops, and what was done with each. */
async function findItemFacts(trx: Trx, items: readonly ItemRow[]) {
  const rows = await trx
    .selectFrom('item')
    .innerJoin('service', 'service.id', 'item.serviceId')
    .leftJoin('version as old', 'old.id', 'item.oldVersionId')
    .leftJoin('version as new', 'new.id', 'item.newVersionId')
    .leftJoin('versionUse as use', 'use.versionId', 'old.id')
    .select(['service.name as service', 'service.environment', 'item.kind', 'item.status', 'item.problem'])
    .select(['new.last4 as newLast4', 'item.overlapEndsAt', 'new.revealedAt', 'new.acknowledgedAt'])
    .select(['use.lastUsedAt', 'use.lastNetwork as oldLastNetwork'])
    .select((is) => is.fn.coalesce('old.last4', newestLast4(is)).as('oldLast4'))
    .where(
      'item.id',
      'in',
      items.map((item) => item.id),
    )
    .orderBy('item.position')
    .execute()
  return rows.map(({ overlapEndsAt, revealedAt, acknowledgedAt, lastUsedAt, status, ...facts }) => ({
    ...facts,
    rolledBack: status === 'rolled_back',
    oldStopsAt: overlapEndsAt?.toISOString() ?? null,
    oldLastUsedAt: lastUsedAt?.toISOString() ?? null,
    pickedUp: revealedAt !== null || acknowledgedAt !== null,
  }))
}

/** The services of the whole rotation, whichever items a letter is about: it makes the subject, which stays the same. */
export async function findTitle(trx: Trx, ref: string): Promise<string> {
  const rows = await trx
    .selectFrom('item')
    .innerJoin('service', 'service.id', 'item.serviceId')
    .select('service.name')
    .where('item.rotationRef', '=', ref)
    .orderBy('item.position')
    .execute()
  return [...new Set(rows.map((row) => row.name))].join(', ')
}

/** What every letter about a rotation tells, whoever it goes to. */
export async function findRotationFacts(trx: Trx, rotation: RotationRow, items: readonly ItemRow[]) {
  const organisation = await trx
    .selectFrom('organisation')
    .select('name')
    .where('id', '=', rotation.organisationId)
    .executeTakeFirstOrThrow()
  const ends = items.map((item) => item.overlapEndsAt).filter((end) => end !== null)
  const given = await trx
    .selectFrom('approval')
    .select('agentId')
    .where('rotationRef', '=', rotation.ref)
    .where('revision', '=', rotation.revision)
    .execute()
  return {
    ref: rotation.ref,
    path: `/rotations/${rotation.ref}`,
    organisation: organisation.name,
    organisationId: rotation.organisationId,
    title: await findTitle(trx, rotation.ref),
    items: await findItemFacts(trx, items),
    reason: rotation.reason,
    details: rotation.details,
    startsAt:
      (rotation.decidedAt === null
        ? rotation.notBefore
        : startsAt(rotation.notBefore, rotation.decidedAt)
      )?.toISOString() ?? null,
    overlapSeconds: rotation.overlapSeconds,
    oldStopsAt: ends.toSorted((a, b) => a.getTime() - b.getTime())[0]?.toISOString() ?? null,
    approvalsNeeded: rotation.approvalsNeeded,
    approvalsGiven: given.length,
  }
}

/** A person's name as letters and pages show it. */
export async function findPersonName(trx: Trx, personId: string): Promise<string> {
  const person = await trx.selectFrom('person').select('name').where('id', '=', personId).executeTakeFirstOrThrow()
  return person.name
}

import type { ExpressionBuilder } from 'kysely'
import { DEPENDANT_WORDS } from '../../rules/keys/dependants.ts'
import { startsAt } from '../../rules/rotations/overlap.ts'
import type { Trx } from '../connect.ts'
import { findTasks, type TaskView } from '../dependants/tasks.ts'
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

/** More than these a letter counts instead of naming them. */
const NAMED_TASKS = 10

function namesOf(tasks: readonly TaskView[], state: TaskView['state']): string[] {
  const named = tasks.filter((task) => task.state === state)
  const names = named.slice(0, NAMED_TASKS).map(({ name, type }) => `${name} (${DEPENDANT_WORDS[type]})`)
  return named.length > NAMED_TASKS ? [...names, `${named.length - NAMED_TASKS} more`] : names
}

function taskFacts(tasks: readonly TaskView[]) {
  return { toBeGivenNew: namesOf(tasks, 'to_do'), toBeGivenOld: namesOf(tasks, 'to_undo') }
}

/** Facts of the items for a letter: which service and key, the ends of both versions, when the old one stops, and what was done with each. */
async function findItemFacts(trx: Trx, items: readonly ItemRow[]) {
  const rows = await trx
    .selectFrom('item')
    .innerJoin('service', 'service.id', 'item.serviceId')
    .leftJoin('version as old', 'old.id', 'item.oldVersionId')
    .leftJoin('version as new', 'new.id', 'item.newVersionId')
    .leftJoin('versionUse as use', 'use.versionId', 'old.id')
    .select(['item.id', 'service.name as service', 'service.environment', 'item.kind', 'item.status', 'item.problem'])
    .select(['new.last4 as newLast4', 'item.overlapEndsAt', 'new.revealedAt', 'new.acknowledgedAt', 'new.clockStarts'])
    .select(['use.lastUsedAt', 'use.lastNetwork as oldLastNetwork'])
    .select((is) => is.fn.coalesce('old.last4', newestLast4(is)).as('oldLast4'))
    .where(
      'item.id',
      'in',
      items.map((item) => item.id),
    )
    .orderBy('item.position')
    .execute()
  const tasks = await findTasks(
    trx,
    rows.map(({ id }) => id),
  )
  return rows.map(({ id, overlapEndsAt, revealedAt, acknowledgedAt, lastUsedAt, clockStarts, status, ...facts }) => ({
    ...facts,
    ...taskFacts(tasks.filter(({ itemId }) => itemId === id)),
    rolledBack: status === 'rolled_back',
    oldStopsAt: overlapEndsAt?.toISOString() ?? null,
    oldLastUsedAt: lastUsedAt?.toISOString() ?? null,
    pickedUp: revealedAt !== null || acknowledgedAt !== null,
    clockRuns: status === 'overlap' && clockStarts !== null,
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
    overlapEnds: rotation.overlapEnds,
    graceSeconds: rotation.graceSeconds,
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

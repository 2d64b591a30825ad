import { recordAudit } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'
import { lockItems, lockRotation, lockVersions } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow, VersionRow } from '../../database/schema.ts'
import type { Actor } from '../../rules/permissions.ts'
import { clockEnd, earliestEnd } from '../../rules/rotations/overlap.ts'

type Event = 'on_first_use' | 'on_pickup'
type OfVersion = { versionId: string; event: Event; organisationId: string | null }

/** A clock that the event starts, with what hangs on it, locked. */
export type Clock = { rotation: RotationRow; items: ItemRow[]; item: ItemRow; old: VersionRow; made: VersionRow }

/** The reference of the rotation that made a version whose clock waits for this event, read before anything is locked. */
async function findRef(trx: Trx, { versionId, event, organisationId }: OfVersion): Promise<string | undefined> {
  if (organisationId === null) return undefined
  const row = await trx
    .selectFrom('version')
    .innerJoin('item', (join) =>
      // the key's items are found by index, and are few
      join.onRef('item.keyId', '=', 'version.keyId').onRef('item.newVersionId', '=', 'version.id'),
    )
    .select('item.rotationRef')
    .where('version.id', '=', versionId)
    .where('version.organisationId', '=', organisationId)
    .where('version.clockStarts', '=', event)
    .where('item.status', '=', 'overlap')
    .executeTakeFirst()
  return row?.rotationRef
}

/**
 * Locks what the clock of a new version would move, in the order of all locks: the caller comes before it locks any version. Null when no
 * clock of the version waits for this event, and so nothing is locked.
 */
export async function lockClock(trx: Trx, of: OfVersion): Promise<Clock | null> {
  const ref = await findRef(trx, of)
  if (ref === undefined) return null
  const rotation = await lockRotation(trx, ref, of.organisationId)
  const items = await lockItems(trx, ref)
  const item = items.find((each) => each.newVersionId === of.versionId && each.status === 'overlap')
  if (item === undefined) return null
  const versions = await lockVersions(trx, [item.keyId])
  const made = versions.find((version) => version.id === of.versionId)
  const old = versions.find((version) => version.id === item.oldVersionId)
  return made?.clockStarts === of.event && old !== undefined ? { rotation, items, item, old, made } : null
}

/** The end that the old version has now; a planned revocation comes before its `acceptedUntil`. */
function endOf({ item, old }: Clock): Date {
  return earliestEnd([item.overlapEndsAt, old.acceptedUntil, old.revokeFrom])
}

async function moveForward(trx: Trx, clock: Clock, end: Date, at: Date): Promise<void> {
  const { rotation, items, item, old } = clock
  await trx
    .updateTable('version')
    .set({ acceptedUntil: earliestEnd([old.acceptedUntil, end]) })
    .where('id', '=', old.id)
    .execute()
  await trx.updateTable('item').set({ overlapEndsAt: end, dueAt: end }).where('id', '=', item.id).execute()
  const ends = items
    .filter(({ status }) => status === 'overlap')
    .map((each) => (each === item ? end : each.overlapEndsAt))
  await trx
    .updateTable('rotation')
    .set({ nextDeadline: earliestEnd(ends) })
    .where('ref', '=', rotation.ref)
    .execute()
  // The worker writes the letters and plans the reminders of the new end: whoever uses a key doesn't wait for that.
  const reminder = { rotationRef: rotation.ref, kind: 'clock_started' as const, of: end, dueAt: at }
  await trx
    .insertInto('reminder')
    .values(reminder)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/**
 * The event has come at `at`, read after the locks: the old version ends a grace after it, unless it ends sooner anyway, and never before the
 * new one works. The clock has then run; no later event moves the end again.
 */
export async function runClock(trx: Trx, clock: Clock, actor: Actor, at: Date): Promise<void> {
  const { rotation, item, made } = clock
  const stopped = { clockStarts: null, clockSeconds: null }
  await trx.updateTable('version').set(stopped).where('id', '=', made.id).execute()
  const before = endOf(clock)
  const end = clockEnd(at, made.clockSeconds ?? 0, made.activeFrom, before)
  if (end >= before) return
  await moveForward(trx, clock, end, at)
  const times = { overlapEndsAt: end.toISOString(), before: before.toISOString() }
  const facts = { item: item.id, key: item.keyId, version: made.id, by: made.clockStarts, ...times }
  const fact = { action: 'rotation.start_clock', actor, rotation: rotation.ref, facts }
  await recordAudit(trx, rotation.organisationId, at, fact)
}

import { type Selectable, sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import { findTasks } from '../dependants/tasks.ts'
import type { Database, ItemRow, RotationRow } from '../schema.ts'

export type ReminderRow = Selectable<Database['reminder']>

/**
 * Claims the rotation whose reminder is due longest, unless somebody else holds it, until the commit. The rotation is locked and not the
 * reminder: whoever plans reminders holds the rotation too, so the two never wait for each other.
 */
export async function claimRotationToRemindOf(trx: Trx): Promise<RotationRow | undefined> {
  return (
    trx
      .selectFrom('reminder')
      .innerJoin('rotation', 'rotation.ref', 'reminder.rotationRef')
      .selectAll('rotation')
      // now() rather than clock_timestamp(), which no index can be searched by
      .where('reminder.dueAt', '<=', sql<Date>`now()`)
      .orderBy('reminder.dueAt')
      .limit(1)
      .forNoKeyUpdate('rotation')
      .skipLocked()
      .executeTakeFirst()
  )
}

/**
 * Takes the rotation's reminders that are due by a time out of the table, the earliest first; a transaction that fails leaves them there.
 */
export async function takeReminders(trx: Trx, rotationRef: string, dueBy: Date): Promise<ReminderRow[]> {
  const taken = await trx
    .deleteFrom('reminder')
    .where('rotationRef', '=', rotationRef)
    .where('dueAt', '<=', dueBy)
    .returningAll()
    .execute()
  return taken.toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime())
}

/** Puts the rotation's due reminders off by a minute, each to a moment of its own. */
export async function putOffReminders(db: Db, rotationRef: string): Promise<void> {
  await sql`
    with due as (
      select kind, of, due_at, row_number() over (order by due_at) * interval '1 millisecond' as apart
      from reminder where rotation_ref = ${rotationRef} and due_at <= clock_timestamp()
    )
    update reminder
    set due_at = clock_timestamp() + interval '1 minute' + due.apart
    from due
    where rotation_ref = ${rotationRef}
      and (reminder.kind, reminder.of, reminder.due_at) = (due.kind, due.of, due.due_at)`.execute(db)
}

export type ItemState = {
  item: ItemRow
  oldIsRevoked: boolean
  oldLastUsedAt: Date | null
  newIsPickedUp: boolean
  /** Something must hold the very key and was not given the new one yet. */
  hasOpenTask: boolean
}

/** Items with what has become of their versions. */
export async function findItemStates(trx: Trx, items: readonly ItemRow[]): Promise<ItemState[]> {
  if (items.length === 0) return []
  const rows = await trx
    .selectFrom('item')
    .leftJoin('version as old', 'old.id', 'item.oldVersionId')
    .leftJoin('version as new', 'new.id', 'item.newVersionId')
    .leftJoin('versionUse as use', 'use.versionId', 'old.id')
    .select(['item.id', 'old.revokedAt', 'use.lastUsedAt', 'new.revealedAt', 'new.acknowledgedAt'])
    .where(
      'item.id',
      'in',
      items.map((item) => item.id),
    )
    .execute()
  const tasks = await findTasks(
    trx,
    items.map((item) => item.id),
  )
  const byId = new Map(rows.map((row) => [row.id, row]))
  return items.map((item) => {
    const row = byId.get(item.id)
    return {
      item,
      oldIsRevoked: (row?.revokedAt ?? null) !== null,
      hasOpenTask: tasks.some(({ itemId, state }) => itemId === item.id && state === 'to_do'),
      oldLastUsedAt: row?.lastUsedAt ?? null,
      newIsPickedUp: (row?.revealedAt ?? row?.acknowledgedAt ?? null) !== null,
    }
  })
}

/** The staff's open question, for asking it again. */
export async function findOpenQuestion(trx: Trx, rotationRef: string) {
  return trx
    .selectFrom('message')
    .innerJoin('person', 'person.id', 'message.authorId')
    .select(['message.id', 'message.body', 'person.name'])
    .where('message.rotationRef', '=', rotationRef)
    .where('message.kind', '=', 'question')
    .orderBy('message.at', 'desc')
    .orderBy('message.id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

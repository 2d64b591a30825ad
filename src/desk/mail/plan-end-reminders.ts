import type { Trx } from '../../database/connect.ts'
import type { ItemRow } from '../../database/schema.ts'
import { endReminderTimes, pickUpReminderTimes } from '../../rules/rotations/reminders.ts'
import { type PlannedReminder, planReminders } from '../reminders.ts'

function remindersOf({ generatedAt, overlapEndsAt }: ItemRow, now: Date): PlannedReminder[] {
  if (generatedAt === null || overlapEndsAt === null) return []
  const of = overlapEndsAt
  return [
    ...endReminderTimes(of, now).map((dueAt) => ({ kind: 'old_key_stops' as const, of, dueAt })),
    ...pickUpReminderTimes(generatedAt, of, now).map((dueAt) => ({ kind: 'not_picked_up' as const, of, dueAt })),
  ]
}

/**
 * Plans the reminders of the ends that the items' old keys have now: whoever sets such an end calls it in the same transaction. Planned
 * twice, each is there once; those of an end that was moved are dropped when they come due.
 */
export async function planEndReminders(
  trx: Trx,
  rotationRef: string,
  items: readonly ItemRow[],
  now: Date,
): Promise<void> {
  await planReminders(
    trx,
    rotationRef,
    items.filter((item) => item.status === 'overlap').flatMap((item) => remindersOf(item, now)),
  )
}

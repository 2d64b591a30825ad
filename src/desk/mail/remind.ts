import { clock, type Db, type Trx } from '../../database/connect.ts'
import {
  claimRotationToRemindOf,
  findItemStates,
  findOpenQuestion,
  type ItemState,
  putOffReminders,
  type ReminderRow,
  takeReminders,
} from '../../database/letters/reminders.ts'
import { lockItems } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow } from '../../database/schema.ts'
import { isInUse, isLastReminder, isOvertaken } from '../../rules/rotations/reminders.ts'
import { putRotationLetters } from '../letters.ts'
import { planEndReminders } from './plan-end-reminders.ts'

type Truth = { trx: Trx; rotation: RotationRow; items: readonly ItemRow[]; states: readonly ItemState[]; now: Date }

/** Told in one letter what comes due within this: the keys of a rotation are made one after the other, moments apart. */
const TOGETHER_MILLISECONDS = 10 * 60_000

/** One and the same for a reminder, however often it is carried out. */
function distinctionOf({ of, dueAt }: ReminderRow): string {
  return `of ${of.toISOString()} due ${dueAt.toISOString()}`
}

/** The items whose old key still works and still ends at the moment that the reminder is of. */
function stillEnding({ states }: Truth, { of }: ReminderRow): ItemState[] {
  return states.filter(
    ({ item, oldIsRevoked }) =>
      item.status === 'overlap' && !oldIsRevoked && item.overlapEndsAt?.getTime() === of.getTime(),
  )
}

function toTellOfEnd(truth: Truth, reminder: ReminderRow): ItemState[] {
  if (isOvertaken(reminder.dueAt, reminder.of, truth.now)) return []
  const ending = stillEnding(truth, reminder)
  if (!isLastReminder(reminder.dueAt, reminder.of)) return ending
  return ending.filter(({ oldLastUsedAt, hasOpenTask }) => hasOpenTask || isInUse(oldLastUsedAt, truth.now))
}

function toTellOfPickUp(truth: Truth, reminder: ReminderRow): ItemState[] {
  if (reminder.of <= truth.now) return []
  return stillEnding(truth, reminder).filter(({ newIsPickedUp }) => !newIsPickedUp)
}

/** The items whose end the use or pick-up of their new key has moved there, whether or not it has come since. */
function toTellOfClock({ states }: Truth, { of }: ReminderRow): ItemState[] {
  return states.filter(
    ({ item, oldIsRevoked }) =>
      (item.status === 'overlap' || item.status === 'retired') &&
      !oldIsRevoked &&
      item.overlapEndsAt?.getTime() === of.getTime(),
  )
}

/** One letter about the items that any of the reminders still holds for. */
async function tellOfItems(
  { trx, rotation, now }: Truth,
  reminders: readonly ReminderRow[],
  concerned: (reminder: ReminderRow) => ItemState[],
  letter: { kind: 'old-key-stops' | 'not-picked-up' | 'stops-sooner'; audience: 'members' | 'pickers' },
): Promise<void> {
  const first = reminders.find((reminder) => concerned(reminder).length > 0)
  if (first === undefined) return
  const items = new Map(reminders.flatMap(concerned).map(({ item }) => [item.id, item]))
  const facts = { who: null, at: now, items: [...items.values()], distinction: distinctionOf(first) }
  await putRotationLetters(trx, rotation, { ...facts, ...letter })
}

/** Whether the time that the rotation waits for somebody still ends when the reminder says. */
function stillWaits({ rotation, now }: Truth, { of }: ReminderRow, status: RotationRow['status']): boolean {
  return rotation.status === status && rotation.nextDeadline?.getTime() === of.getTime() && of > now
}

async function tellOfDecision(truth: Truth, reminder: ReminderRow): Promise<void> {
  if (!stillWaits(truth, reminder, 'submitted')) return
  const { trx, rotation, items, now } = truth
  const letter = { who: null, at: now, decideBy: reminder.of, items, distinction: distinctionOf(reminder) }
  await putRotationLetters(trx, rotation, { ...letter, kind: 'expires-soon', audience: 'agents' })
}

async function tellOfQuestion(truth: Truth, reminder: ReminderRow): Promise<void> {
  if (!stillWaits(truth, reminder, 'needs_info')) return
  const { trx, rotation, items, now } = truth
  const question = await findOpenQuestion(trx, rotation.ref)
  const letter = { who: question?.name ?? null, note: question?.body ?? '', at: now, decideBy: reminder.of, items }
  const distinction = distinctionOf(reminder)
  await putRotationLetters(trx, rotation, { ...letter, distinction, again: true, kind: 'question', audience: 'owners' })
}

async function carryOut(trx: Trx, rotation: RotationRow): Promise<void> {
  const items = await lockItems(trx, rotation.ref)
  const now = await clock(trx)
  const truth = { trx, rotation, items, states: await findItemStates(trx, items), now }
  const taken = await takeReminders(trx, rotation.ref, new Date(now.getTime() + TOGETHER_MILLISECONDS))
  const of = (kind: ReminderRow['kind']) => taken.filter((reminder) => reminder.kind === kind)
  const end = { kind: 'old-key-stops', audience: 'members' } as const
  await tellOfItems(truth, of('old_key_stops'), (reminder) => toTellOfEnd(truth, reminder), end)
  const clocks = of('clock_started')
  const sooner = { kind: 'stops-sooner', audience: 'members' } as const
  await tellOfItems(truth, clocks, (reminder) => toTellOfClock(truth, reminder), sooner)
  if (clocks.length > 0) await planEndReminders(trx, rotation.ref, items, now)
  const pickUp = { kind: 'not-picked-up', audience: 'pickers' } as const
  await tellOfItems(truth, of('not_picked_up'), (reminder) => toTellOfPickUp(truth, reminder), pickUp)
  for (const reminder of of('decide')) await tellOfDecision(truth, reminder)
  for (const reminder of of('answer')) await tellOfQuestion(truth, reminder)
}

/**
 * Carries out the due reminders of one rotation: looks again at how it stands, puts letters for what is still so, and takes the reminders
 * away, all in one transaction. Late by long, it sends the latest of several and not those before. False when none is due that nobody else
 * has. Run twice, or after a crash in the middle, it tells nobody twice; one that fails is put off and holds up no other.
 */
export async function remindNextDue(db: Db): Promise<boolean> {
  let claimed: string | null = null
  try {
    return await db.transaction().execute(async (trx) => {
      const rotation = await claimRotationToRemindOf(trx)
      if (rotation === undefined) return false
      claimed = rotation.ref
      await carryOut(trx, rotation)
      return true
    })
  } catch (error) {
    if (claimed !== null) await putOffReminders(db, claimed)
    throw error
  }
}

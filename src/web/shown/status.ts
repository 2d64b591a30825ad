import { waitsForPickUp as hasWaiting } from '../../database/keys/versions.ts'
import type { ItemView } from '../../database/rotations/items.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import type { ItemStatus, RotationStatus } from '../../rules/rotations/rotation-lifecycle.ts'
import { count } from '../../rules/text/words.ts'
import { openTasksSentence } from './dependants.ts'
import { type ShownTime, shownTime, shownTimeOrNull } from './times.ts'

type Colour = 'info' | 'accent' | 'success' | 'warning' | 'danger' | 'neutral'
type Tag = readonly [word: string, colour: Colour]

const ROTATION_TAGS = {
  submitted: ['Waiting for approval', 'info'],
  needs_info: ['Waiting for an answer', 'warning'],
  scheduled: ['Scheduled', 'accent'],
  executing: ['Making keys', 'accent'],
  overlap: ['Both keys work', 'success'],
  needs_attention: ['Needs attention', 'danger'],
  completed: ['Completed', 'success'],
  rejected: ['Rejected', 'danger'],
  withdrawn: ['Withdrawn', 'neutral'],
  expired: ['Expired', 'neutral'],
  rolled_back: ['Rolled back', 'neutral'],
  closed: ['Closed', 'neutral'],
} as const satisfies Record<RotationStatus, Tag>

const ITEM_TAGS = {
  pending: ['Not started', 'neutral'],
  overlap: ['Both keys work', 'success'],
  retired: ['Only the new key works', 'success'],
  rolled_back: ['Rolled back', 'neutral'],
  skipped: ['Skipped', 'warning'],
  failed: ['Needs attention', 'danger'],
  cancelled: ['Cancelled', 'neutral'],
} as const satisfies Record<ItemStatus, Tag>

/** Whether an item's old key still works; a revocation counts from its commit, before the worker has done its bookkeeping. */
export function oldKeyWorks(item: ItemView): boolean {
  return item.status === 'overlap' && !item.overlapOver && item.oldVersion?.revokedAt === null
}

/** Whether its new key should have been made by now. An end needs no worker: it counts at its time. */
function isDelayed(item: ItemView): boolean {
  return item.status === 'pending' && item.late
}

export function waitsForPickUp(item: ItemView): boolean {
  return (
    item.newVersion !== null && hasWaiting(item.newVersion) && (item.status === 'overlap' || item.status === 'retired')
  )
}

function waitingSentence(rotation: RotationView): string {
  const { approvalsNeeded, approvals } = rotation
  if (approvalsNeeded === 1) return 'The desk looks at it and decides.'
  return `Two agents have to approve; ${approvals.length === 0 ? 'none has yet' : 'one has'}.`
}

function overlapSentence(rotation: RotationView): string {
  const waiting = rotation.items.filter(waitsForPickUp).length
  const pickUp = waiting === 0 ? '' : ` ${count(waiting, 'new key')} to be picked up.`
  const tasks = openTasksSentence(rotation.items)
  if (!rotation.items.some(oldKeyWorks)) return `The old keys have stopped.${pickUp}${tasks}`
  return `Old and new keys work side by side.${pickUp}${tasks}`
}

function sentence(rotation: RotationView): string {
  if (rotation.items.some(isDelayed))
    return 'The new keys should be made by now. The desk is late; nothing is lost, and the old keys work.'
  switch (rotation.status) {
    case 'submitted':
      return waitingSentence(rotation)
    case 'needs_info':
      return 'The desk has asked something and goes on once an owner answers.'
    case 'scheduled':
      return 'Approved. New keys are made at the start.'
    case 'executing':
      return 'New keys are being made.'
    case 'overlap':
      return overlapSentence(rotation)
    case 'needs_attention':
      return rotation.problem ?? 'Something did not work; the desk looks at it.'
    case 'completed':
      return completedSentence(rotation)
    case 'rejected':
      return rotation.decisionReason === null ? 'The desk said no.' : `The desk said no: ${rotation.decisionReason}`
    case 'withdrawn':
      return 'Taken back before anything was changed.'
    case 'expired':
      return 'Nobody decided in time; nothing was changed.'
    case 'rolled_back':
      return `The new keys were deleted; the old ones go on working.${openTasksSentence(rotation.items)}`
    case 'closed':
      return rotation.decisionReason ?? 'Closed by the desk.'
  }
}

function completedSentence(rotation: RotationView): string {
  if (rotation.items.every((item) => item.status === 'skipped')) return 'No key could be changed.'
  const waiting = rotation.items.filter(waitsForPickUp).length
  const pickUp = waiting === 0 ? '' : ` ${count(waiting, 'new key')} still to be picked up.`
  const tasks = openTasksSentence(rotation.items)
  const back = rotation.items.filter((item) => item.status === 'rolled_back').length
  if (back > 0) return `${wentBackSentence(rotation.items, back)}${pickUp}${tasks}`
  return `The old keys have stopped; only the new ones work.${pickUp}${tasks}`
}

/** Some keys went back and others did not: nobody may take a key for dead that works. */
function wentBackSentence(items: readonly ItemView[], back: number): string {
  const stopped = items.filter((item) => item.status === 'retired').length
  const first = stopped === 0 ? '' : `${count(stopped, 'old key')} ${stopped === 1 ? 'has' : 'have'} stopped. `
  return `${first}${count(back, 'key')} went back: the old ${back === 1 ? 'one goes' : 'ones go'} on working.`
}

const NEXT_LABELS: Partial<Record<RotationStatus, string>> = {
  submitted: 'To be decided by',
  needs_info: 'To be answered by',
  scheduled: 'Starts',
  overlap: 'Next old key stops',
}

export type ShownStatus = {
  word: string
  color: Colour
  sentence: string
  next: { label: string; at: ShownTime } | null
}

function rotationTag(rotation: RotationView): Tag {
  if (rotation.items.some(isDelayed)) return ['Delayed', 'warning']
  const stopped = rotation.status === 'overlap' && !rotation.items.some(oldKeyWorks)
  return stopped ? ['Old keys stopped', 'success'] : ROTATION_TAGS[rotation.status]
}

/** A rotation's status as a tag, a sentence and the next date; colour never tells anything alone. */
export function rotationStatus(rotation: RotationView, timeZone: string): ShownStatus {
  const [word, color] = rotationTag(rotation)
  const ends = rotation.items
    .filter(oldKeyWorks)
    .map((item) => item.overlapEndsAt?.getTime() ?? Number.POSITIVE_INFINITY)
  const end = Math.min(...ends)
  const nextEnd = Number.isFinite(end) ? new Date(end) : null
  // Old keys run out in trouble as well, and while others are still being made.
  const ending = nextEnd !== null || rotation.status === 'overlap'
  const label = ending ? NEXT_LABELS.overlap : NEXT_LABELS[rotation.status]
  const at = ending ? nextEnd : rotation.nextDeadline
  const next = label === undefined || at === null ? null : { label, at: shownTime(at, timeZone) }
  return { word, color, sentence: sentence(rotation), next }
}

export function itemStatus(item: ItemView): { word: string; color: Colour } {
  if (isDelayed(item)) return { word: 'Delayed', color: 'warning' }
  const stopped = item.status === 'overlap' && !oldKeyWorks(item)
  const [word, color] = stopped ? ITEM_TAGS.retired : ITEM_TAGS[item.status]
  return { word, color }
}

type Step = { name: string; done: boolean; current: boolean; at: ShownTime | null }

/** How far it has come, as steps; one that ended before anything was made shows only that. */
export function steps(rotation: RotationView, timeZone: string): Step[] {
  const filed = { name: 'Filed', at: shownTimeOrNull(rotation.createdAt, timeZone) }
  const made = rotation.items.map((item) => item.generatedAt).find((at) => at !== null) ?? null
  const over = rotation.completedAt !== null
  if (over && made === null) {
    const end = { name: ROTATION_TAGS[rotation.status][0], at: shownTimeOrNull(rotation.completedAt, timeZone) }
    return [filed, end].map((step) => ({ ...step, done: true, current: false }))
  }
  const approved = rotation.decidedAt !== null
  const stopped = over || (made !== null && !rotation.items.some(oldKeyWorks))
  const wentBack = over && rotation.items.some((item) => item.status === 'rolled_back')
  const last = wentBack ? ROTATION_TAGS[rotation.status][0] : 'Old keys stopped'
  const all = [
    { ...filed, done: true },
    { name: 'Approved', done: approved, at: shownTimeOrNull(rotation.decidedAt, timeZone) },
    { name: 'New keys made', done: made !== null, at: shownTimeOrNull(made, timeZone) },
    { name: last, done: stopped, at: shownTimeOrNull(rotation.completedAt, timeZone) },
  ]
  const current = all.findIndex((step) => !step.done)
  return all.map((step, i) => ({ ...step, current: i === current }))
}

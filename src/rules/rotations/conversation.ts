import type { Reason } from './approvals.ts'
import { DAY_SECONDS } from './overlap.ts'

/** How long a customer has to answer a question before the rotation expires; the agents' own time stands still meanwhile. */
const ANSWER_WITHIN_SECONDS = 14 * DAY_SECONDS

/** How long before that the owners are reminded. */
const ANSWER_REMINDERS_SECONDS = [7 * DAY_SECONDS, DAY_SECONDS] as const

export function answerBy(askedAt: Date): Date {
  return new Date(askedAt.getTime() + ANSWER_WITHIN_SECONDS * 1000)
}

/** The reminders of an answer that is due by `deadline`. */
export function answerReminders(deadline: Date): { kind: 'answer'; of: Date; dueAt: Date }[] {
  return ANSWER_REMINDERS_SECONDS.map((before) => ({
    kind: 'answer',
    of: deadline,
    dueAt: new Date(deadline.getTime() - before * 1000),
  }))
}

/** What is left until a deadline, in whole seconds; none when it has passed. */
export function secondsLeft(deadline: Date | null, now: Date): number {
  return deadline === null ? 0 : Math.max(0, Math.floor((deadline.getTime() - now.getTime()) / 1000))
}

/** What an answer may change of a rotation; its keys stay, since others of its parts rest on them. */
export type RequestFields = { reason: Reason; details: string; notBefore: Date | null; overlapSeconds: number }
const REQUEST_FIELDS = ['reason', 'details', 'notBefore', 'overlapSeconds'] as const
/** The fields as people know them. */
export const FIELD_LABELS = {
  reason: 'Reason',
  details: 'Details',
  notBefore: 'Earliest start',
  overlapSeconds: 'How long the old keys work',
} as const satisfies Record<keyof RequestFields, string>

type Wish = { [Field in keyof RequestFields]?: RequestFields[Field] | undefined }

/** A field as the audit trail and the timeline tell it. */
export function fieldFact(fields: RequestFields, field: keyof RequestFields): string | number | null {
  const value = fields[field]
  return value instanceof Date ? value.toISOString() : value
}

/** The request as it is wished for, and which of its fields are others than before. */
export function changeRequest(
  before: RequestFields,
  wish: Wish,
): { after: RequestFields; changed: (keyof RequestFields)[] } {
  const after = {
    reason: wish.reason ?? before.reason,
    details: wish.details ?? before.details,
    notBefore: wish.notBefore === undefined ? before.notBefore : wish.notBefore,
    overlapSeconds: wish.overlapSeconds ?? before.overlapSeconds,
  }
  return { after, changed: REQUEST_FIELDS.filter((field) => fieldFact(before, field) !== fieldFact(after, field)) }
}

/** Who is on the customer's side of a rotation doesn't speak for the desk in it. */
export function isOnCustomersSide(
  person: { id: string; organisationIds: readonly string[] },
  rotation: { requesterId: string; organisationId: string },
): boolean {
  return person.id === rotation.requesterId || person.organisationIds.includes(rotation.organisationId)
}

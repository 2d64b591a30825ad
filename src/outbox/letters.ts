import type { Trx } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import type { Reason } from '../rules/approvals.ts'
import type { Environment, KeyKind } from '../rules/key-text.ts'
import type { Role } from '../rules/permissions.ts'

/** The letters about a rotation; each has a text and an HTML template of its name. */
export const ROTATION_LETTER_KINDS = [
  'received',
  'approval-needed',
  'approved',
  'rejected',
  'withdrawn',
  'new-keys-ready',
  'old-key-revoked',
  'completed',
] as const
export type RotationLetterKind = (typeof ROTATION_LETTER_KINDS)[number]

/** Every letter the desk can write. */
export const LETTER_KINDS = [...ROTATION_LETTER_KINDS, 'invitation', 'account-locked'] as const
export type LetterKind = (typeof LETTER_KINDS)[number]

/** One key of a rotation. Times are RFC 3339. */
export type ItemFacts = {
  service: string
  environment: Environment
  kind: KeyKind
  oldLast4: string | null
  newLast4: string | null
  oldStopsAt: string | null
}

/** What a letter about a rotation tells; times are RFC 3339, never a secret or a code. */
export type RotationFacts = {
  ref: string
  /** Path of the rotation's page; the letter's one link is `PUBLIC_URL` and this. */
  path: string
  organisation: string
  organisationId: string
  /** The services' names, with commas between them; with the reference it makes the subject. */
  title: string
  items: ItemFacts[]
  /** The name of who did it; null when the desk itself did, at its due time. */
  who: string | null
  at: string
  reason: Reason
  details: string
  /** What the person who decided wrote. */
  note: string
  startsAt: string | null
  oldStopsAt: string | null
  approvalsNeeded: number
  approvalsGiven: number
  decideBy: string | null
  /** Ends the sentence "You get this letter because …". */
  why: string
  /** IANA name of the reader's time zone. */
  timeZone: string
  /** False for a reader who may see keys but not pick them up; left out, the reader may. */
  mayReveal?: boolean
}

export type InvitationFacts = {
  path: string
  organisation: string | null
  who: string
  role: Role
  expiresAt: string
  why: string
  timeZone: string
}

export type AccountLockedFacts = { who: null; at: string; path: string; why: string; timeZone: string }

/** A letter's kind together with what its template needs. */
export type LetterContent =
  | { kind: RotationLetterKind; facts: RotationFacts }
  | { kind: 'invitation'; facts: InvitationFacts }
  | { kind: 'account-locked'; facts: AccountLockedFacts }

export type NewLetter = LetterContent & {
  /** What makes it this letter, recipient included: putting it twice leaves one. */
  naturalKey: string
  to: { name: string; address: string }
  /** The rotation's reference, whose letters make one thread. */
  thread: string | null
  at: Date
}

/**
 * Puts a letter in the outbox inside the caller's transaction: it goes out if, and only if, that commits. Its Message-ID is
 * fixed here, so that every delivery of it carries the same one.
 */
export async function putLetter(trx: Trx, letter: NewLetter): Promise<void> {
  const id = newId('letter')
  await trx
    .insertInto('letter')
    .values({
      id,
      naturalKey: letter.naturalKey,
      kind: letter.kind,
      toName: letter.to.name,
      toAddress: letter.to.address,
      facts: JSON.stringify(letter.facts),
      messageId: id,
      thread: letter.thread,
      createdAt: letter.at,
      nextAttemptAt: letter.at,
    })
    .onConflict((conflict) => conflict.column('naturalKey').doNothing())
    .execute()
}

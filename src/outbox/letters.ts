import { z } from 'zod'
import type { Trx } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import { MEMBER_ROLES, STAFF_ROLES } from '../rules/permissions.ts'
import { REASONS } from '../rules/rotations/approvals.ts'

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
  'filed-on-behalf',
  'question',
  'answered',
  'message',
  'expires-soon',
  'expired',
  'delayed',
  'failed',
  'old-key-stops',
  'not-picked-up',
  'follow-up-needed',
  'follow-up-rejected',
  'extended',
  'rolled-back',
  'closed',
] as const
export type RotationLetterKind = (typeof ROTATION_LETTER_KINDS)[number]

/** Every letter the desk can write. */
export const LETTER_KINDS = [
  ...ROTATION_LETTER_KINDS,
  'invitation',
  'account-locked',
  'password-reset',
  'email-change',
  'security-notice',
] as const
export type LetterKind = (typeof LETTER_KINDS)[number]

const time = z.iso.datetime()

/** One key of a rotation. */
const itemFacts = z.object({
  service: z.string(),
  environment: z.enum(['live', 'sandbox']),
  kind: z.enum(['auth', 'admin']),
  oldLast4: z.string().nullable(),
  newLast4: z.string().nullable(),
  oldStopsAt: time.nullable(),
})
export type ItemFacts = z.infer<typeof itemFacts>

/** What a letter about a rotation tells; times are RFC 3339, never a secret or a code. */
const rotationFacts = z.object({
  ref: z.string(),
  /** Path of the rotation's page; the letter's one link is `PUBLIC_URL` and this. */
  path: z.string(),
  organisation: z.string(),
  organisationId: z.string(),
  /** The services' names, with commas between them; with the reference it makes the subject. */
  title: z.string(),
  items: z.array(itemFacts),
  /** The name of who did it; null when the desk itself did, at its due time. */
  who: z.string().nullable(),
  at: time,
  reason: z.enum(REASONS),
  details: z.string(),
  /** What the person who decided wrote. */
  note: z.string(),
  startsAt: time.nullable(),
  /** How long the old keys go on working once the new ones are made. */
  overlapSeconds: z.number(),
  /** When the first of the old keys stops. */
  oldStopsAt: time.nullable(),
  approvalsNeeded: z.number(),
  approvalsGiven: z.number(),
  decideBy: time.nullable(),
  /** Ends the sentence "You get this letter because …". */
  why: z.string(),
  /** IANA name of the reader's time zone. */
  timeZone: z.string(),
  /** False for a reader who may see keys but not pick them up; left out, the reader may. */
  mayReveal: z.boolean().optional(),
})
export type RotationFacts = z.infer<typeof rotationFacts>

/** The path is the invitation's link, which is a secret: it is taken out of the row once the letter is sent. */
const invitationFacts = z.object({
  path: z.string(),
  /** Null for the support staff. */
  organisation: z.string().nullable(),
  who: z.string(),
  role: z.enum([...MEMBER_ROLES, ...STAFF_ROLES]),
  expiresAt: time,
  why: z.string(),
  timeZone: z.string(),
})

const accountLockedFacts = z.object({
  who: z.null(),
  at: time,
  path: z.string(),
  why: z.string(),
  timeZone: z.string(),
})

/** Something that the people of an account or an organisation have to know of, so that nobody does it behind their backs. */
export const NOTICES = [
  'password_changed',
  'email_changed',
  'code_device_changed',
  'recovery_codes_made',
  'recovery_code_used',
  'token_made',
  'unattended_token_made',
  'account_unlocked',
  'member_joined',
  'role_changed',
  'member_removed',
  'service_removed',
  'webhook_added',
  'recovery_opened',
  'recovery_confirmed',
  'recovery_done',
] as const
export type Notice = (typeof NOTICES)[number]

const noticeFacts = z.object({
  notice: z.enum(NOTICES),
  /** Null where it concerns no organisation. */
  organisation: z.string().nullable(),
  /** Who did it; null when nobody was signed in, or the desk itself did. */
  who: z.string().nullable(),
  /** Whom or what it was done to: a person's, token's or service's name; empty when the reader. */
  about: z.string(),
  at: time,
  path: z.string(),
  why: z.string(),
  timeZone: z.string(),
})

/** The path is a secret link: it is taken out of the row once the letter is sent. */
const linkFacts = z.object({ path: z.string(), expiresAt: time, at: time, why: z.string(), timeZone: z.string() })

const letterContent = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(ROTATION_LETTER_KINDS), facts: rotationFacts }),
  z.object({ kind: z.literal('invitation'), facts: invitationFacts }),
  z.object({ kind: z.literal('account-locked'), facts: accountLockedFacts }),
  z.object({ kind: z.literal('password-reset'), facts: linkFacts }),
  z.object({ kind: z.literal('email-change'), facts: linkFacts }),
  z.object({ kind: z.literal('security-notice'), facts: noticeFacts }),
])
/** A letter's kind together with what its template needs. */
export type LetterContent = z.infer<typeof letterContent>

/** The content of a stored letter. Throws when it isn't what its kind needs. */
export function readContent(row: { kind: string; facts: unknown }): LetterContent {
  return letterContent.parse({ kind: row.kind, facts: row.facts })
}

export type NewLetter = LetterContent & {
  /** What makes it this letter, recipient included: putting it twice leaves one. */
  naturalKey: string
  to: { name: string; address: string }
  /** The rotation's reference, whose letters make one thread. */
  thread: string | null
  at: Date
}

function rowOf(letter: NewLetter) {
  const id = newId('letter')
  return {
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
  }
}

/**
 * Puts letters in the outbox inside the caller's transaction: they go out if, and only if, that commits. The Message-ID
 * is fixed here, so that every delivery of a letter carries the same one.
 */
export async function putLetters(trx: Trx, letters: readonly NewLetter[]): Promise<void> {
  if (letters.length === 0) return
  await trx
    .insertInto('letter')
    .values(letters.map(rowOf))
    .onConflict((conflict) => conflict.column('naturalKey').doNothing())
    .execute()
}

/** The same for one letter. */
export async function putLetter(trx: Trx, letter: NewLetter): Promise<void> {
  await putLetters(trx, [letter])
}

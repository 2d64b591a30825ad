import { z } from 'zod'
import { MEMBER_ROLES, STAFF_ROLES } from '../../rules/permissions.ts'

const time = z.iso.datetime()

/** The path is the invitation's link, which is a secret: it is taken out of the row once the letter is sent. */
export const invitationFacts = z.object({
  path: z.string(),
  /** Null for the support staff. */
  organisation: z.string().nullable(),
  who: z.string(),
  role: z.enum([...MEMBER_ROLES, ...STAFF_ROLES]),
  expiresAt: time,
  why: z.string(),
  timeZone: z.string(),
  test: z.boolean().optional(),
})

export const accountLockedFacts = z.object({
  who: z.null(),
  at: time,
  path: z.string(),
  why: z.string(),
  timeZone: z.string(),
  test: z.boolean().optional(),
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
  'webhook_switched_off',
  'recovery_opened',
  'recovery_confirmed',
  'recovery_done',
  'recovery_refused',
  'account_disabled',
  'account_enabled',
  'key_created',
  'key_edited',
  'key_disabled',
  'key_enabled',
  'key_deleted',
  'dataset_created',
  'delivery_changed',
  'version_reissued',
  'sealed_fetched',
  'suspicious_use',
  'review_due',
  'review_done',
  'key_old',
  'rotation_proposed',
  'key_leaked',
  'key_stopped',
  'dependant_changed',
] as const
export type Notice = (typeof NOTICES)[number]

export const noticeFacts = z.object({
  notice: z.enum(NOTICES),
  /** Null where it concerns no organisation. */
  organisation: z.string().nullable(),
  /** Who did it; null when nobody was signed in, or the desk itself did. */
  who: z.string().nullable(),
  /** Whom or what it was done to: a person's, token's or service's name; empty when the reader. */
  about: z.string(),
  /** What was done about it or is best done now, in a sentence or two. */
  note: z.string().optional(),
  /** What exactly, line by line, where there is more to say. */
  details: z.array(z.string()).optional(),
  at: time,
  path: z.string(),
  why: z.string(),
  timeZone: z.string(),
  test: z.boolean().optional(),
})

/** The path is a secret link: it is taken out of the row once the letter is sent. */
export const linkFacts = z.object({
  path: z.string(),
  expiresAt: time,
  at: time,
  why: z.string(),
  timeZone: z.string(),
  test: z.boolean().optional(),
})

import { z } from 'zod'
import { MEMBER_ROLES, STAFF_ROLES } from '../../rules/permissions.ts'
import { REASONS } from '../../rules/rotations/approvals.ts'
import { OVERLAP_ENDS } from '../../rules/rotations/overlap.ts'

const time = z.iso.datetime()

/** One key of a rotation. What was added later is optional, so that a letter that waits through an upgrade can still be written. */
const itemFacts = z.object({
  service: z.string(),
  environment: z.enum(['live', 'sandbox']),
  kind: z.enum(['auth', 'admin']),
  oldLast4: z.string().nullable(),
  newLast4: z.string().nullable(),
  oldStopsAt: time.nullable(),
  /** When and from where the old key was used last; null when it never was. */
  oldLastUsedAt: time.nullable().optional(),
  oldLastNetwork: z.string().nullable().optional(),
  /** Whether somebody has picked up the new key. */
  pickedUp: z.boolean().optional(),
  /** What must hold the very key and was not given the new one yet, and what has to be given the old one again. */
  toBeGivenNew: z.array(z.string()).optional(),
  toBeGivenOld: z.array(z.string()).optional(),
  /** Whether its new key was deleted again, so that the old one goes on working. */
  rolledBack: z.boolean().optional(),
  /** Whether the use or pick-up of its new key is still to end the old one's time sooner. */
  clockRuns: z.boolean().optional(),
  /** Why it could not be rotated, for a person. */
  problem: z.string().nullable().optional(),
})
export type ItemFacts = z.infer<typeof itemFacts>

export const FOLLOW_UP_TYPES = ['early_revocation', 'extension', 'rollback'] as const
export type FollowUpType = (typeof FOLLOW_UP_TYPES)[number]

/** What a letter about a rotation tells; times are RFC 3339, never a secret or a code. */
export const rotationFacts = z.object({
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
  /** What the person who decided, asked or wrote said. */
  note: z.string(),
  startsAt: time.nullable(),
  /** How long the old keys go on working once the new ones are made. */
  overlapSeconds: z.number(),
  /** What ends that time sooner, and how long the old keys go on working after it. */
  overlapEnds: z.enum(OVERLAP_ENDS).optional(),
  graceSeconds: z.number().optional(),
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
  /** The reader's role where the letter concerns them; tells who has to act. */
  role: z.enum([...MEMBER_ROLES, ...STAFF_ROLES]).optional(),
  /** Told before, and still waiting. */
  again: z.boolean().optional(),
  followUp: z.enum(FOLLOW_UP_TYPES).optional(),
  /** The end that an extension asks for. */
  wantedEnd: time.optional(),
  test: z.boolean().optional(),
})
export type RotationFacts = z.infer<typeof rotationFacts>

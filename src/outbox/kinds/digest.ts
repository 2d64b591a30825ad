import { z } from 'zod'

const time = z.iso.datetime()

/** What can wait for a person, in the order in which a digest lists it. */
export const WAITING = ['decide', 'follow_up', 'trouble', 'question', 'not_picked_up'] as const
export type Waiting = (typeof WAITING)[number]

const waitingFacts = z.object({
  waiting: z.enum(WAITING),
  ref: z.string(),
  organisation: z.string(),
  organisationId: z.string(),
  /** The services' names, with commas between them. */
  title: z.string(),
  /** A leaked or stolen key. */
  urgent: z.boolean(),
  /** When it ends by itself: the request expires, or the old key stops. */
  until: time.nullable(),
})
export type WaitingFacts = z.infer<typeof waitingFacts>

/** One letter a day on everything that waits for its reader. */
export const digestFacts = z.object({
  rows: z.array(waitingFacts),
  /** How many more there are than are listed. */
  more: z.number(),
  at: time,
  path: z.string(),
  why: z.string(),
  timeZone: z.string(),
  test: z.boolean().optional(),
})
export type DigestFacts = z.infer<typeof digestFacts>

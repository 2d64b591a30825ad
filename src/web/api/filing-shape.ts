import { z } from 'zod'
import { REASONS } from '../../rules/rotations/approvals.ts'
import { MAX_OVERLAP_SECONDS, OVERLAP_ENDS } from '../../rules/rotations/overlap.ts'
import { severalLines } from '../../rules/text/foreign-text.ts'
import { id, lines, moment, ref } from './fields.ts'

const verifiedBy = z
  .string()
  .max(500, 'Write at most 500 characters.')
  .transform(severalLines)
  .pipe(z.string().min(1, 'Say how you verified who was calling.'))
  .meta({ example: 'Called back on the number in the contract.' })

const filedItem = z.union(
  [
    z.strictObject({
      serviceId: id,
      kinds: z
        .array(z.enum(['auth', 'admin']))
        .min(1)
        .max(2),
    }),
    z.strictObject({ keyId: id }),
  ],
  'Name a service with the kinds of its keys, or one key.',
)

/** What ends an overlap before its time. */
export const clock = {
  overlapEnds: z.enum(OVERLAP_ENDS).optional().meta({
    description:
      'What ends the overlap, when that comes before its time: nothing, the first use of the new key, or its being picked up; each key by itself.',
  }),
  graceSeconds: z
    .int()
    .min(0)
    .max(MAX_OVERLAP_SECONDS)
    .optional()
    .meta({ description: 'How long the old key goes on working after that, never past the end of the overlap.' }),
}

/** What is filed, as the contract has it. */
export const filing = z.strictObject({
  items: z.array(filedItem).min(1, 'Choose at least one key.').max(100),
  reason: z.enum(REASONS),
  details: lines.optional(),
  notBefore: moment
    .nullable()
    .optional()
    .meta({ description: 'The earliest start; as soon as approved when left out.' }),
  overlapSeconds: z
    .int()
    .min(0)
    .max(MAX_OVERLAP_SECONDS)
    .optional()
    .meta({ description: 'Left out: 2592000, or as long as the policy of the services allows for the reason.' }),
  ...clock,
  proposalId: id.optional().meta({ description: 'The proposal that it answers, which is then over.' }),
  replaces: ref.optional().meta({
    description:
      'The live rotation whose place this one takes, of which a key was leaked (reason `compromised`). Of its keys in overlap the old version stops at once.',
  }),
  onBehalfOf: z
    .strictObject({ personId: id, verifiedBy })
    .optional()
    .meta({ description: 'Of the staff: the owner who asked for it, and how it was made sure that they did.' }),
})

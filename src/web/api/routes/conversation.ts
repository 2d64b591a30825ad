import { z } from 'zod'
import { findMessages } from '../../../database/rotations/messages.ts'
import { answerQuestion } from '../../../desk/conversation/answer.ts'
import { askCustomer } from '../../../desk/conversation/ask.ts'
import { writeMessage, writeNote } from '../../../desk/conversation/write.ts'
import { REASONS } from '../../../rules/rotations/approvals.ts'
import { MAX_OVERLAP_SECONDS } from '../../../rules/rotations/overlap.ts'
import { lines, moment, neededLines, ref, revision } from '../fields.ts'
import { message, rotation } from '../rotation-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import { seenRotation } from './rotations.ts'

const TALK = {
  ...NO_INPUT,
  method: 'post',
  params: z.strictObject({ ref }),
  stepUp: false,
  idempotent: true,
} as const

const ask = personRoute(
  {
    ...TALK,
    path: '/v1/rotations/:ref/question',
    operation: 'askCustomer',
    summary: 'Ask the customer; the time to decide stands still until an owner answers',
    tag: 'Decisions',
    access: 'rotations.decide',
    body: z.strictObject({ revision, message: neededLines }),
    answer: { status: 200, schema: rotation, says: 'The rotation, waiting for an answer.' },
    refusals: ['NOT_FOUND', 'OWN_ROTATION', 'STALE_REVISION', 'ILLEGAL_MOVE', 'CONTAINS_SECRET'],
  },
  async ({ desk, actor, params, body }) => {
    await askCustomer(desk.db, actor, params.ref, body)
    return seenRotation(desk.db, actor, params.ref)
  },
)

const changes = z
  .strictObject({
    reason: z.enum(REASONS).optional(),
    details: lines.optional(),
    notBefore: moment.nullable().optional().meta({ description: 'Null: as soon as approved.' }),
    overlapSeconds: z.int().min(0).max(MAX_OVERLAP_SECONDS).optional(),
  })
  .optional()
  .meta({
    description:
      'What is left out stays. A changed field makes a new revision and voids the approvals given. The keys can’t be changed: withdraw, and file anew.',
  })

const answer = personRoute(
  {
    ...TALK,
    path: '/v1/rotations/:ref/answer',
    operation: 'answerQuestion',
    summary: 'Answer the open question, and change the request where that is needed',
    tag: 'Rotations',
    access: 'rotations.answer',
    body: z.strictObject({ message: neededLines, changes }),
    answer: { status: 200, schema: rotation, says: 'The rotation, waiting for its approvals again.' },
    refusals: [
      'NOT_FOUND',
      'ILLEGAL_MOVE',
      'CONTAINS_SECRET',
      'ON_HOLD',
      'START_TOO_FAR',
      'OVERLAP_TOO_LONG',
      'COOLDOWN_TOO_LONG',
      'EXPIRES_IN_OVERLAP',
      'TOO_MANY_REQUESTS',
    ],
  },
  async ({ desk, actor, params, body }) => {
    await answerQuestion(desk.db, actor, params.ref, body)
    return seenRotation(desk.db, actor, params.ref)
  },
)

const write = personRoute(
  {
    ...TALK,
    path: '/v1/rotations/:ref/messages',
    operation: 'writeMessage',
    summary: 'Write to the other side, or a note for the staff alone',
    tag: 'Rotations',
    access: 'rotations.write',
    body: z.strictObject({
      body: neededLines,
      internal: z.boolean().default(false).meta({ description: 'A note that no member sees. Staff only.' }),
    }),
    answer: { status: 201, schema: message, says: 'What was written.' },
    refusals: ['NOT_FOUND', 'CONTAINS_SECRET', 'TOO_MANY_REQUESTS'],
  },
  async ({ desk, actor, params, body }) => {
    const write = body.internal ? writeNote : writeMessage
    const { messageId } = await write(desk.db, actor, params.ref, body.body)
    const messages = await findMessages(desk.db, actor, params.ref)
    return messages.find(({ id }) => id === messageId)
  },
)

export const conversationRoutes = [ask, answer, write]

import { z } from 'zod'
import { findFollowUp } from '../../../database/rotations/follow-ups.ts'
import { approveFollowUp, rejectFollowUp } from '../../../desk/follow-ups/decide.ts'
import { extendOverlap } from '../../../desk/follow-ups/extend.ts'
import { revokeEarly } from '../../../desk/follow-ups/revoke-early.ts'
import { rollBack } from '../../../desk/follow-ups/roll-back.ts'
import { id, moment, neededLines, ref } from '../fields.ts'
import { followUp } from '../rotation-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'

const itemIds = z.array(id).min(1).max(100).optional().meta({ description: 'All items when left out.' })

const ASK = {
  ...NO_INPUT,
  method: 'post',
  tag: 'Follow-ups',
  stepUp: true,
  idempotent: true,
  params: z.strictObject({ ref }),
  refusals: ['NOT_FOUND', 'ILLEGAL_MOVE'],
} as const

const revoke = personRoute(
  {
    ...ASK,
    path: '/v1/rotations/:ref/early-revocation',
    operation: 'revokeEarly',
    summary: 'End old keys before their overlap does, for good',
    access: 'rotations.revokeEarly',
    body: z.strictObject({
      itemIds,
      at: moment.nullable().optional().meta({ description: 'Now when left out.' }),
    }),
    answer: { status: 201, schema: followUp, says: 'The follow-up; without `at` the old keys are refused already.' },
  },
  async ({ desk, actor, params, body }) => {
    const { followUpId } = await revokeEarly(desk.db, actor, params.ref, body)
    return findFollowUp(desk.db, followUpId)
  },
)

const extend = personRoute(
  {
    ...ASK,
    path: '/v1/rotations/:ref/extension',
    operation: 'extendOverlap',
    summary: 'Give old keys more time',
    access: 'rotations.followUp',
    body: z.strictObject({
      overlapEndsAt: moment.meta({
        description: 'At most 30 days after the new keys were made, and never past the end a key had by itself.',
      }),
      itemIds,
    }),
    answer: {
      status: 201,
      schema: followUp,
      says: 'The follow-up: `done` the first time for a routine reason, else `requested` until an agent approves it.',
    },
  },
  async ({ desk, actor, params, body }) => {
    const { followUpId } = await extendOverlap(desk.db, actor, params.ref, body)
    return findFollowUp(desk.db, followUpId)
  },
)

const goBack = personRoute(
  {
    ...ASK,
    path: '/v1/rotations/:ref/rollback',
    operation: 'rollBack',
    summary: 'Delete the new keys and keep the old ones, while these still work',
    access: 'rotations.followUp',
    body: z.strictObject({ itemIds }),
    answer: {
      status: 201,
      schema: followUp,
      says: 'The follow-up: `done`, or after a leak `requested` until two agents approve it.',
    },
  },
  async ({ desk, actor, params, body }) => {
    const { followUpId } = await rollBack(desk.db, actor, params.ref, body)
    return findFollowUp(desk.db, followUpId)
  },
)

const DECIDE = {
  ...NO_INPUT,
  method: 'post',
  tag: 'Follow-ups',
  access: 'rotations.decide',
  stepUp: true,
  idempotent: true,
  params: z.strictObject({ id }),
} as const

const approve = personRoute(
  {
    ...DECIDE,
    path: '/v1/follow-ups/:id/approval',
    operation: 'approveFollowUp',
    summary: 'Approve a follow-up; the last approval needed carries it out',
    answer: { status: 200, schema: followUp, says: 'The follow-up; `done` when no approval is missing.' },
    refusals: ['NOT_FOUND', 'OWN_ROTATION', 'ALREADY_APPROVED', 'ILLEGAL_MOVE'],
  },
  async ({ desk, actor, params }) => {
    await approveFollowUp(desk.db, actor, params.id)
    return findFollowUp(desk.db, params.id)
  },
)

const reject = personRoute(
  {
    ...DECIDE,
    path: '/v1/follow-ups/:id/rejection',
    operation: 'rejectFollowUp',
    summary: 'Reject a follow-up; it may be asked for anew',
    body: z.strictObject({ reason: neededLines }),
    answer: { status: 200, schema: followUp, says: 'The follow-up, rejected.' },
    refusals: ['NOT_FOUND', 'OWN_ROTATION', 'ILLEGAL_MOVE', 'CONTAINS_SECRET'],
  },
  async ({ desk, actor, params, body }) => {
    await rejectFollowUp(desk.db, actor, params.id, body)
    return findFollowUp(desk.db, params.id)
  },
)

export const followUpRoutes = [revoke, extend, goBack, approve, reject]

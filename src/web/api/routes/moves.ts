import { z } from 'zod'
import { approveRotation, rejectRotation } from '../../../desk/decide.ts'
import { withdrawRotation } from '../../../desk/withdraw.ts'
import { lines, moment, neededLines, ref, revision } from '../fields.ts'
import { rotation } from '../rotation-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import { seenRotation } from './rotations.ts'

const MOVE = { ...NO_INPUT, method: 'post', params: z.strictObject({ ref }), idempotent: true } as const

const approve = personRoute(
  {
    ...MOVE,
    path: '/v1/rotations/:ref/approval',
    operation: 'approveRotation',
    summary: 'Approve the revision that was seen',
    tag: 'Decisions',
    access: 'rotations.decide',
    stepUp: true,
    body: z.strictObject({
      revision,
      note: lines.optional(),
      notBefore: moment.nullable().optional().meta({ description: 'Puts the start off; later only.' }),
    }),
    answer: { status: 200, schema: rotation, says: 'The rotation; scheduled when no approval is missing.' },
    refusals: [
      'NOT_FOUND',
      'OWN_ROTATION',
      'ALREADY_APPROVED',
      'STALE_REVISION',
      'ILLEGAL_MOVE',
      'START_TOO_FAR',
      'CONTAINS_SECRET',
    ],
  },
  async ({ desk, actor, params, body }) => {
    await approveRotation(desk.db, actor, params.ref, body)
    return seenRotation(desk.db, actor, params.ref)
  },
)

const reject = personRoute(
  {
    ...MOVE,
    path: '/v1/rotations/:ref/rejection',
    operation: 'rejectRotation',
    summary: 'Reject the revision that was seen, for good',
    tag: 'Decisions',
    access: 'rotations.decide',
    stepUp: false,
    body: z.strictObject({ revision, reason: neededLines }),
    answer: { status: 200, schema: rotation, says: 'The rotation, rejected.' },
    refusals: ['NOT_FOUND', 'OWN_ROTATION', 'STALE_REVISION', 'ILLEGAL_MOVE', 'CONTAINS_SECRET'],
  },
  async ({ desk, actor, params, body }) => {
    await rejectRotation(desk.db, actor, params.ref, body)
    return seenRotation(desk.db, actor, params.ref)
  },
)

const withdraw = personRoute(
  {
    ...MOVE,
    path: '/v1/rotations/:ref/withdrawal',
    operation: 'withdrawRotation',
    summary: 'Take a rotation back before it starts',
    tag: 'Rotations',
    access: 'rotations.withdraw',
    stepUp: false,
    answer: { status: 200, schema: rotation, says: 'The rotation, withdrawn.' },
    refusals: ['NOT_FOUND', 'ILLEGAL_MOVE'],
  },
  async ({ desk, actor, params }) => {
    await withdrawRotation(desk.db, actor, params.ref)
    return seenRotation(desk.db, actor, params.ref)
  },
)

export const moveRoutes = [approve, reject, withdraw]

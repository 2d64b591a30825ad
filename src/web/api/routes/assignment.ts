import { z } from 'zod'
import { assignRotation } from '../../../desk/assign.ts'
import { id, ref } from '../fields.ts'
import { rotation } from '../rotation-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import { seenRotation } from './rotations.ts'

const assign = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/rotations/:ref/assignment',
    operation: 'assignRotation',
    summary: 'Say who looks after a rotation',
    tag: 'Decisions',
    access: 'rotations.assign',
    stepUp: false,
    idempotent: true,
    params: z.strictObject({ ref }),
    body: z.strictObject({
      assigneeId: id.nullable().meta({ description: 'Somebody of the staff, or null for nobody.' }),
      from: id.nullable().optional().meta({
        description: 'Who has it as far as you know. When left out, only what nobody has, or you have, changes hands.',
      }),
    }),
    answer: { status: 200, schema: rotation, says: 'The rotation with its assignee.' },
    refusals: ['NOT_FOUND', 'ILLEGAL_MOVE', 'ASSIGNED_MEANWHILE'],
  },
  async ({ desk, actor, params, body }) => {
    await assignRotation(desk.db, actor, params.ref, body)
    return seenRotation(desk.db, actor, params.ref)
  },
)

export const assignmentRoutes = [assign]

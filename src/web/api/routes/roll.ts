import { z } from 'zod'
import { findRotation } from '../../../database/rotations/views.ts'
import { rollKey } from '../../../desk/roll.ts'
import { MAX_OVERLAP_SECONDS } from '../../../rules/rotations/overlap.ts'
import { id } from '../fields.ts'
import { clock } from '../filing-shape.ts'
import { rotation } from '../rotation-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'

const roll = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/keys/:id/roll',
    operation: 'rollKey',
    summary: 'Roll a key of a service that has self-service',
    tag: 'Services and keys',
    access: 'keys.roll',
    stepUp: true,
    idempotent: true,
    params: z.strictObject({ id }),
    body: z.strictObject({
      overlapSeconds: z.int().min(0).max(MAX_OVERLAP_SECONDS).meta({
        description: 'How long the old key goes on working once the new one is made; 0 stops it then.',
      }),
      ...clock,
    }),
    answer: {
      status: 201,
      schema: rotation,
      says: 'The rotation: scheduled by policy, or submitted where an owner’s account changed lately and agents have to approve it.',
    },
    refusals: [
      'NOT_FOUND',
      'NOT_SELF_SERVICE',
      'ON_HOLD',
      'NO_KEYS',
      'ROTATION_IN_PROGRESS',
      'EXPIRES_IN_OVERLAP',
      'COOLDOWN_TOO_LONG',
      'TOO_MANY_REQUESTS',
    ],
  },
  async ({ desk, actor, params, body }) => {
    const { ref } = await rollKey(desk.db, actor, params.id, body)
    return findRotation(desk.db, actor, ref)
  },
)

export const rollRoutes = [roll]

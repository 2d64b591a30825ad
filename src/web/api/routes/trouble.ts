import { z } from 'zod'
import { retryRotation } from '../../../desk/retry.ts'
import { closeItem } from '../../../desk/trouble/close-item.ts'
import { removeService } from '../../../desk/trouble/remove-service.ts'
import { id, neededLines, ref } from '../fields.ts'
import { rotation } from '../rotation-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import { seenRotation } from './rotations.ts'

const MEND = {
  ...NO_INPUT,
  method: 'post',
  tag: 'Decisions',
  access: 'rotations.mend',
  stepUp: false,
  idempotent: true,
} as const

const retry = personRoute(
  {
    ...MEND,
    path: '/v1/rotations/:ref/retry',
    operation: 'retryRotation',
    summary: 'Try what failed once more',
    params: z.strictObject({ ref }),
    body: z.strictObject({
      itemIds: z.array(id).min(1).max(100).optional().meta({ description: 'All failed items when left out.' }),
    }),
    answer: {
      status: 200,
      schema: rotation,
      says: 'The rotation, executing; or submitted, when its approval has gone stale and is asked for anew.',
    },
    refusals: ['NOT_FOUND', 'ILLEGAL_MOVE'],
  },
  async ({ desk, actor, params, body }) => {
    await retryRotation(desk.db, actor, params.ref, body)
    return seenRotation(desk.db, actor, params.ref)
  },
)

const close = personRoute(
  {
    ...MEND,
    path: '/v1/items/:id/closing',
    operation: 'closeItem',
    summary: 'Give up on a key that could not be changed',
    params: z.strictObject({ id }),
    body: z.strictObject({ reason: neededLines }),
    answer: { status: 200, schema: rotation, says: 'The rotation, which goes on with its other keys or ends.' },
    refusals: ['NOT_FOUND', 'ILLEGAL_MOVE', 'CONTAINS_SECRET'],
  },
  async ({ desk, actor, params, body }) => {
    const closed = await closeItem(desk.db, actor, params.id, body)
    return seenRotation(desk.db, actor, closed.ref)
  },
)

const remove = personRoute(
  {
    ...NO_INPUT,
    method: 'delete',
    path: '/v1/services/:id',
    operation: 'removeService',
    summary: 'Remove a service; its keys are refused from now on',
    tag: 'Services and keys',
    access: 'services.remove',
    stepUp: true,
    idempotent: false,
    params: z.strictObject({ id }),
    body: z.strictObject({
      confirmName: z.string().min(1).max(200).meta({ description: 'Its name, exactly.' }),
    }),
    answer: { status: 204, schema: null, says: 'It is gone. Rotations went on without it, or were closed.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params, body }) => {
    await removeService(desk.db, actor, { serviceId: params.id, confirmName: body.confirmName })
    return undefined
  },
)

export const troubleRoutes = [retry, close, remove]

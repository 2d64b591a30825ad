import { z } from 'zod'
import { findRotationEvents } from '../../../database/audit/trail.ts'
import type { Db } from '../../../database/connect.ts'
import { findRotation, findRotations, type RotationView, type Viewer } from '../../../database/rotations/views.ts'
import { submitRotation } from '../../../desk/submit.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { ROTATION_STATUSES } from '../../../rules/rotations/rotation-lifecycle.ts'
import { oneLine } from '../../../rules/text/foreign-text.ts'
import { cursor, id, limit, ref } from '../fields.ts'
import { filing } from '../filing-shape.ts'
import { event, rotation } from '../rotation-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import { listOf } from '../shapes.ts'

/** The rotation as the viewer may see it. Refuses NOT_FOUND. */
export async function seenRotation(db: Db, viewer: Viewer, wanted: string): Promise<RotationView> {
  const seen = await findRotation(db, viewer, wanted)
  if (seen === undefined) throw new Refusal('NOT_FOUND')
  return seen
}

const submit = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/rotations',
    operation: 'submitRotation',
    summary: 'Request a rotation; the staff do so on behalf of an owner',
    tag: 'Rotations',
    access: 'rotations.file',
    stepUp: true,
    idempotent: true,
    body: filing,
    answer: {
      status: 201,
      schema: rotation,
      says: 'The rotation, waiting for its approvals; scheduled where the policy of a self-service approved it.',
    },
    refusals: [
      'NOT_FOUND',
      'OWN_ROTATION',
      'ON_HOLD',
      'NO_KEYS',
      'ROTATION_IN_PROGRESS',
      'ILLEGAL_MOVE',
      'START_TOO_FAR',
      'OVERLAP_TOO_LONG',
      'COOLDOWN_TOO_LONG',
      'NOT_FROM_HERE',
      'CONTAINS_SECRET',
      'EXPIRES_IN_OVERLAP',
      'COOLDOWN_TOO_LONG',
      'TOO_MANY_REQUESTS',
    ],
  },
  async ({ desk, actor, body }) => {
    const filed = await submitRotation(desk.db, actor, body)
    return findRotation(desk.db, actor, filed.ref)
  },
)

const statuses = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.enum(ROTATION_STATUSES)).max(ROTATION_STATUSES.length))
  .optional()
  .meta({
    override: { type: 'string' },
    description: 'Statuses with commas between them.',
    example: 'submitted,overlap',
  })

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/rotations',
    operation: 'listRotations',
    summary: 'Rotations: members see their own, staff see all',
    tag: 'Rotations',
    access: 'rotations.view',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({
      status: statuses,
      organisationId: id.optional(),
      assignee: id.optional().meta({ description: "The assignee's id." }),
      q: z
        .string()
        .max(200)
        .transform(oneLine)
        .optional()
        .meta({ description: 'How a reference begins, or part of a name.' }),
      sort: z.enum(['created', 'deadline']).optional().meta({ description: 'Newest first, or next deadline first.' }),
      limit,
      cursor,
    }),
    answer: { status: 200, schema: listOf(rotation), says: 'A page of rotations.' },
    refusals: [],
  },
  ({ desk, actor, query: { assignee, ...query } }) => findRotations(desk.db, actor, { ...query, assigneeId: assignee }),
)

const show = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/rotations/:ref',
    operation: 'showRotation',
    summary: 'One rotation',
    tag: 'Rotations',
    access: 'rotations.view',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ ref }),
    answer: { status: 200, schema: rotation, says: 'The rotation.' },
    refusals: ['NOT_FOUND'],
  },
  ({ desk, actor, params }) => seenRotation(desk.db, actor, params.ref),
)

const events = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/rotations/:ref/events',
    operation: 'listRotationEvents',
    summary: 'What happened to a rotation, oldest first',
    tag: 'Rotations',
    access: 'rotations.view',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ ref }),
    answer: { status: 200, schema: listOf(event), says: 'Every event, on one page.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    await seenRotation(desk.db, actor, params.ref)
    return { items: await findRotationEvents(desk.db, actor, params.ref), nextCursor: null }
  },
)

export const rotationRoutes = [submit, list, show, events]

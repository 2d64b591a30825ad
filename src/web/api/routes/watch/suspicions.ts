import { z } from 'zod'
import { findSuspicion, findSuspicions } from '../../../../database/watch/suspicions.ts'
import { dismissSuspicion } from '../../../../keyring/watch/dismiss.ts'
import { Refusal } from '../../../../rules/refusals.ts'
import { SUSPICION_KINDS } from '../../../../rules/watch/suspicion.ts'
import { cursor, id, limit } from '../../fields.ts'
import { NO_INPUT, personRoute } from '../../route.ts'
import { listOf, personName, time } from '../../shapes.ts'

const suspicion = z
  .object({
    id: z.string(),
    organisationId: z.string(),
    serviceId: z.string(),
    keyId: z.string(),
    versionId: z.string(),
    kind: z.enum(SUSPICION_KINDS).meta({
      description: 'Used from a network the key was never used from; refused often within minutes; used after its end.',
    }),
    network: z.string().meta({ description: 'A /24 or an IPv6 /64; empty when no address was told.' }),
    count: z.int(),
    at: time,
    lastAt: time,
    dismissedAt: time.nullable(),
    dismissedBy: personName.nullable(),
    rotationRef: z.string().nullable().meta({ description: 'The newest rotation filed for the key since.' }),
  })
  .meta({ id: 'Suspicion' })

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/suspicions',
    operation: 'listSuspicions',
    summary: 'Suspicious use of keys, the newest first',
    tag: 'Services and keys',
    access: 'suspicions.view',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({
      organisationId: id.optional(),
      keyId: id.optional(),
      status: z
        .enum(['open', 'all'])
        .default('open')
        .meta({ description: 'Open: neither dismissed nor followed by a rotation of the key.' }),
      limit,
      cursor,
    }),
    answer: { status: 200, schema: listOf(suspicion), says: 'A page of them.' },
    refusals: [],
  },
  ({ desk, actor, query: { status, ...filter } }) =>
    findSuspicions(desk.db, actor, { ...filter, open: status === 'open' }),
)

const dismiss = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/suspicions/:id/dismissal',
    operation: 'dismissSuspicion',
    summary: 'Say that something suspicious is harmless',
    tag: 'Services and keys',
    access: 'suspicions.dismiss',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 200, schema: suspicion, says: 'It is dismissed; the very same is not raised again.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    await dismissSuspicion(desk.db, actor, params.id)
    const dismissed = await findSuspicion(desk.db, actor, params.id)
    if (dismissed === undefined) throw new Refusal('NOT_FOUND')
    return dismissed
  },
)

export const suspicionRoutes = [list, dismiss]

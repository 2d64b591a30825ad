import { z } from 'zod'
import { DELIVERY_STATUSES, findDeliveries } from '../../../database/webhooks/deliveries.ts'
import { findEndpoint, findEndpoints } from '../../../database/webhooks/endpoints.ts'
import {
  createWebhookEndpoint,
  MAX_SECRET_OVERLAP_SECONDS,
  removeWebhookEndpoint,
  rollWebhookSecret,
  switchOnWebhookEndpoint,
} from '../../../desk/webhooks/endpoints.ts'
import { replayWebhook } from '../../../desk/webhooks/replay.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { cursor, id, limit } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import { listOf } from '../shapes.ts'
import * as shapes from '../webhook-shapes.ts'

const WEBHOOKS = { ...NO_INPUT, tag: 'Webhooks', access: 'webhooks.manage' } as const

const create = personRoute(
  {
    ...WEBHOOKS,
    method: 'post',
    path: '/v1/webhook-endpoints',
    operation: 'createWebhookEndpoint',
    summary: 'Tell an address of what happens: a member’s of their organisation, an admin’s of all',
    stepUp: true,
    idempotent: true,
    secrets: ['secret'],
    body: z.strictObject({
      url: z.string().max(2_000).meta({ description: 'Public and https.', example: 'https://hooks.example.com/rekey' }),
      events: z.array(shapes.eventType).max(100).optional().meta({ description: 'All when left out or empty.' }),
    }),
    answer: { status: 201, schema: shapes.newWebhookEndpoint, says: 'Its secret, shown this once.' },
    refusals: ['ADDRESS_REFUSED'],
  },
  ({ desk, actor, body }) => createWebhookEndpoint(desk, actor, body),
)

const list = personRoute(
  {
    ...WEBHOOKS,
    method: 'get',
    path: '/v1/webhook-endpoints',
    operation: 'listWebhookEndpoints',
    summary: 'The organisation’s endpoints, or the desk’s own, in the order they were made',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({ limit, cursor }),
    answer: { status: 200, schema: listOf(shapes.webhookEndpoint), says: 'A page of endpoints; never a secret.' },
    refusals: [],
  },
  ({ desk, actor, query }) => findEndpoints(desk.db, actor, query),
)

const remove = personRoute(
  {
    ...WEBHOOKS,
    method: 'delete',
    path: '/v1/webhook-endpoints/:id',
    operation: 'removeWebhookEndpoint',
    summary: 'Remove an endpoint; what waits for it is ended',
    stepUp: true,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 204, schema: null, says: 'Nothing is sent there from now on.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    await removeWebhookEndpoint(desk.db, actor, params.id)
    return undefined
  },
)

const rollSecret = personRoute(
  {
    ...WEBHOOKS,
    method: 'post',
    path: '/v1/webhook-endpoints/:id/roll-secret',
    operation: 'rollWebhookSecret',
    summary: 'Replace an endpoint’s secret; both sign for a while',
    stepUp: true,
    idempotent: true,
    secrets: ['secret'],
    params: z.strictObject({ id }),
    body: z.strictObject({
      overlapSeconds: z.int().min(0).max(MAX_SECRET_OVERLAP_SECONDS).default(86_400).meta({
        description: 'How long the old secret signs beside the new one.',
      }),
    }),
    answer: { status: 200, schema: shapes.newWebhookSecret, says: 'The new secret, shown this once.' },
    refusals: ['NOT_FOUND'],
  },
  ({ desk, actor, params, body }) => rollWebhookSecret(desk, actor, params.id, body.overlapSeconds),
)

const enable = personRoute(
  {
    ...WEBHOOKS,
    method: 'post',
    path: '/v1/webhook-endpoints/:id/enable',
    operation: 'enableWebhookEndpoint',
    summary: 'Switch an endpoint on again that was switched off',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 204, schema: null, says: 'It hears of what happens from now on.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    await switchOnWebhookEndpoint(desk.db, actor, params.id)
    return undefined
  },
)

const deliveries = personRoute(
  {
    ...WEBHOOKS,
    method: 'get',
    path: '/v1/webhook-endpoints/:id/deliveries',
    operation: 'listWebhookDeliveries',
    summary: 'What was or is to be sent to an endpoint, the newest first',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    query: z.strictObject({ status: z.enum(DELIVERY_STATUSES).optional(), limit, cursor }),
    answer: { status: 200, schema: listOf(shapes.webhookDelivery), says: 'A page of deliveries.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params, query }) => {
    if ((await findEndpoint(desk.db, actor, params.id)) === undefined) throw new Refusal('NOT_FOUND')
    return findDeliveries(desk.db, actor, params.id, query)
  },
)

const replay = personRoute(
  {
    ...WEBHOOKS,
    method: 'post',
    path: '/v1/webhook-deliveries/:id/replay',
    operation: 'replayWebhookDelivery',
    summary: 'Send a delivery once more, under the same webhook-id',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 204, schema: null, says: 'It goes out now; one that is under way is left alone.' },
    refusals: ['NOT_FOUND', 'ILLEGAL_MOVE'],
  },
  async ({ desk, actor, params }) => {
    await replayWebhook(desk.db, actor, params.id)
    return undefined
  },
)

export const webhookRoutes = [create, list, remove, rollSecret, enable, deliveries, replay]

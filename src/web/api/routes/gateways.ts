import { z } from 'zod'
import { findGateways } from '../../../database/keys/gateways.ts'
import { createGateway, revokeGateway } from '../../../keyring/gateways.ts'
import { cursor, id, limit, name } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const create = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/gateways',
    operation: 'createGateway',
    summary: 'Make a gateway and its token',
    tag: 'Gateways',
    access: 'gateways.manage',
    stepUp: true,
    idempotent: true,
    secrets: ['token'],
    body: z.strictObject({
      name,
      serviceIds: z
        .array(id)
        .min(1, 'Name at least one service, or leave the field out for all.')
        .max(1_000)
        .optional()
        .meta({ description: 'The services it may ask about; all when left out.' }),
    }),
    answer: { status: 201, schema: shapes.newGateway, says: 'The token, shown this once.' },
    refusals: ['NOT_FOUND'],
  },
  ({ desk, actor, body }) => createGateway(desk.db, actor, body),
)

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/gateways',
    operation: 'listGateways',
    summary: 'All gateways, in the order they were made',
    tag: 'Gateways',
    access: 'gateways.manage',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({ limit, cursor }),
    answer: { status: 200, schema: shapes.listOf(shapes.gateway), says: 'A page of gateways; never a token.' },
    refusals: [],
  },
  ({ desk, query }) => findGateways(desk.db, query),
)

const revoke = personRoute(
  {
    ...NO_INPUT,
    method: 'delete',
    path: '/v1/gateways/:id',
    operation: 'revokeGateway',
    summary: 'End a gateway at once',
    tag: 'Gateways',
    access: 'gateways.manage',
    stepUp: true,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 204, schema: null, says: 'Its token is refused from now on.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    await revokeGateway(desk.db, actor, params.id)
    return undefined
  },
)

export const gatewayRoutes = [create, list, revoke]

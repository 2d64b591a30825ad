import { z } from 'zod'
import { findPersonalTokens } from '../../../database/people/sessions.ts'
import { createPersonalToken, revokePersonalToken } from '../../../identity/tokens/tokens.ts'
import { SCOPES } from '../../../rules/token-scopes.ts'
import { id, moment, name } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const create = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/tokens',
    operation: 'createToken',
    summary: 'Make a personal token, which acts as you',
    tag: 'People',
    access: 'tokens.manage',
    stepUp: true,
    idempotent: true,
    secrets: ['token'],
    body: z.strictObject({
      name,
      expiresAt: moment.meta({ description: 'At most 365 days ahead; an unattended one 90.' }),
      scopes: z
        .array(z.enum(SCOPES))
        .max(SCOPES.length)
        .optional()
        .meta({ description: 'What it may do; everything that you may when left out.' }),
      unattended: z.boolean().optional().meta({
        description: 'For machines: does what its scopes name without a step-up. Owners only; needs `ipRanges`.',
      }),
      ipRanges: z
        .array(z.string().max(64))
        .max(20)
        .optional()
        .meta({ description: 'Addresses or CIDR ranges that it may be used from.', example: ['203.0.113.0/24'] }),
    }),
    answer: { status: 201, schema: shapes.newPersonalToken, says: 'The token, shown this once.' },
    refusals: [],
  },
  ({ desk, actor, body }) => createPersonalToken(desk.db, actor, body),
)

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/tokens',
    operation: 'listTokens',
    summary: 'Your personal tokens in this membership that still work',
    tag: 'People',
    access: 'tokens.manage',
    stepUp: false,
    idempotent: false,
    answer: { status: 200, schema: shapes.listOf(shapes.personalToken), says: 'All of them; never a token itself.' },
    refusals: [],
  },
  async ({ desk, actor }) => ({ items: await findPersonalTokens(desk.db, actor), nextCursor: null }),
)

const revoke = personRoute(
  {
    ...NO_INPUT,
    method: 'delete',
    path: '/v1/tokens/:id',
    operation: 'revokeToken',
    summary: 'End one of your tokens at once',
    tag: 'People',
    access: 'tokens.manage',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 204, schema: null, says: 'It is refused from now on.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    await revokePersonalToken(desk.db, actor, params.id)
    return undefined
  },
)

export const tokenRoutes = [create, list, revoke]

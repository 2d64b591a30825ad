import { z } from 'zod'
import { findService, findServiceKeys, findServices } from '../../../database/keys/services.ts'
import { revealVersion } from '../../../keyring/reveal.ts'
import { createService } from '../../../keyring/services.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { cursor, id, limit, name } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const create = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/services',
    operation: 'createService',
    summary: 'Make a service with its Auth and its Admin key',
    tag: 'Services and keys',
    access: 'services.create',
    stepUp: false,
    idempotent: true,
    body: z.strictObject({
      organisationId: id.optional().meta({ description: 'Needed from staff; a member makes their own.' }),
      name,
      environment: z.enum(['live', 'sandbox']),
    }),
    answer: { status: 201, schema: shapes.service, says: 'The service. Reveal its keys to see them, once.' },
    refusals: ['NOT_FOUND', 'NAME_TAKEN'],
  },
  async ({ desk, actor, body }) => {
    if (actor.organisationId === null && body.organisationId === undefined) {
      const errors = [{ pointer: '/organisationId', message: 'Say whose service it is.' }]
      throw new Refusal('INVALID_REQUEST', { errors })
    }
    const made = await createService(desk.db, desk.maker, actor, body)
    return findService(desk.db, actor, made.id)
  },
)

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/services',
    operation: 'listServices',
    summary: 'Services with their keys and versions, never a secret',
    tag: 'Services and keys',
    access: 'services.view',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({ organisationId: id.optional(), limit, cursor }),
    answer: { status: 200, schema: shapes.listOf(shapes.service), says: 'A page of services.' },
    refusals: [],
  },
  ({ desk, actor, query }) => findServices(desk.db, actor, query),
)

const show = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/services/:id',
    operation: 'showService',
    summary: 'One service with its keys and versions, never a secret',
    tag: 'Services and keys',
    access: 'services.view',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 200, schema: shapes.service, says: 'The service.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    const service = await findService(desk.db, actor, params.id)
    if (service === undefined) throw new Refusal('NOT_FOUND')
    return service
  },
)

const listKeys = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/services/:id/keys',
    operation: 'listKeys',
    summary: 'Every key of a service with its versions, in the order they were made, never a secret',
    tag: 'Services and keys',
    access: 'services.view',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    query: z.strictObject({ limit, cursor }),
    answer: { status: 200, schema: shapes.listOf(shapes.key), says: 'A page of keys.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params, query }) => {
    const service = await findService(desk.db, actor, params.id)
    if (service === undefined) throw new Refusal('NOT_FOUND')
    return findServiceKeys(desk.db, service.id, query)
  },
)

const reveal = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/versions/:id/reveal',
    operation: 'revealVersion',
    summary: 'Show a new secret, once',
    tag: 'Services and keys',
    access: 'versions.reveal',
    stepUp: true,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 200, schema: shapes.secret, says: 'The secret. It is gone from the desk now.' },
    refusals: ['NOT_FOUND', 'NOT_ALLOWED', 'ALREADY_REVEALED', 'ILLEGAL_MOVE', 'SECRET_UNAVAILABLE'],
  },
  ({ desk, actor, params }) => revealVersion(desk.db, desk.sealer, actor, params.id),
)

export const serviceRoutes = [create, list, show, listKeys, reveal]

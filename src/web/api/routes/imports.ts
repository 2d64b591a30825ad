import { zValidator } from '@hono/zod-validator'
import { z } from 'zod'
import { findImports } from '../../../database/imports.ts'
import { spendStepUp } from '../../../identity/sign-in/step-up.ts'
import { receiveImport } from '../../../keyring/imports/receive.ts'
import { authenticate } from '../../authentication.ts'
import { actorFor, bearerOf } from '../../context.ts'
import { carryOutForAWhile, readImport } from '../../imports.ts'
import { allowLongUpload } from '../../long-uploads.ts'
import { permit, refuseInvalid } from '../checks.ts'
import { cursor, id, limit } from '../fields.ts'
import { NO_INPUT, personRoute, type Route, type RouteFacts } from '../route.ts'
import * as shapes from '../shapes.ts'

const line = z.object({
  serviceId: z.string(),
  kind: z.enum(['auth', 'admin']),
  sha256: z.string().meta({ description: 'Of the whole key, 64 hexadecimal digits.' }),
  last4: z.string().optional(),
  name: z.string().optional(),
})

const importShape = z.object({
  id: z.string(),
  name: z.string(),
  by: z.string().nullable(),
  status: z.enum(['receiving', 'running', 'finished', 'broken_off']),
  dryRun: z.boolean(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  lines: z.int(),
  added: z.int(),
  known: z.int().meta({ description: 'Were there already.' }),
  refused: z.int(),
  errors: z.array(z.object({ line: z.int(), problem: z.string() })).meta({ description: 'The first 1 000 of them.' }),
})

const dryRun = z.enum(['true', 'false']).optional().meta({ description: 'true: only say what would be added.' })
const query = z.strictObject({ dryRun })

const CREATE = {
  ...NO_INPUT,
  method: 'post',
  path: '/v1/imports',
  operation: 'importKeys',
  summary: 'Keys that exist elsewhere, by their hash: one JSON object a line, or CSV with a header; up to 256 MiB',
  tag: 'Services and keys',
  access: 'imports.manage',
  stepUp: true,
  idempotent: false,
  raw: 'application/x-ndjson',
  query,
  body: line,
  answer: { status: 201, schema: importShape, says: 'How far it is; a large one goes on by itself.' },
  refusals: ['INVALID_REQUEST'],
} as const satisfies RouteFacts

async function* nothing(): AsyncGenerator<Uint8Array> {}

// The file is taken in as it comes, which no route that reads its body first can do.
const create: Route = {
  ...CREATE,
  add(app) {
    app.post(CREATE.path, authenticate, permit(CREATE.access), zValidator('query', query, refuseInvalid), async (c) => {
      const { db } = c.get('desk')
      const actor = actorFor(c, CREATE.access)
      await spendStepUp(db, bearerOf(c), c.req.header('rekey-step-up') ?? null)
      allowLongUpload(c)
      const stream = c.req.raw.body ?? nothing()
      const upload = { name: 'API', dryRun: c.req.valid('query').dryRun === 'true', stream }
      const received = await receiveImport(db, actor, upload)
      const done = await carryOutForAWhile(db, received.id)
      return c.json(importShape.parse(JSON.parse(JSON.stringify(done))), 201)
    })
  },
}

const read = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/imports/:id',
    operation: 'readImport',
    summary: 'How far an import is, and which lines were refused',
    tag: 'Services and keys',
    access: 'imports.manage',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 200, schema: importShape, says: 'The import.' },
    refusals: ['NOT_FOUND'],
  },
  ({ desk, params }) => readImport(desk.db, params.id),
)

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/imports',
    operation: 'listImports',
    summary: 'Imports, the newest first',
    tag: 'Services and keys',
    access: 'imports.manage',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({ limit, cursor }),
    answer: { status: 200, schema: shapes.listOf(importShape), says: 'A page of imports.' },
    refusals: [],
  },
  ({ desk, query }) => findImports(desk.db, query),
)

export const importRoutes = [create, read, list]

import { z } from 'zod'
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi'
import type { RefusalCode } from '../../rules/refusals.ts'
import { STATUS } from '../errors.ts'
import { NO_INPUT, type Route } from './route.ts'
import { TAGS } from './tags.ts'

const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().meta({ description: 'The request; the log of the desk has the same id.' }),
    code: z.string().meta({ description: 'Stable; switch on this.' }),
    errors: z
      .array(
        z.object({ pointer: z.string().meta({ description: 'RFC 6901, into what was sent.' }), message: z.string() }),
      )
      .optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' })

const SECURITY = {
  person: [{ personalToken: [] }, { session: [] }],
  gateway: [{ gatewayToken: [] }],
  public: [],
}

function securityOf(route: Route) {
  if (route.access === 'public') return SECURITY.public
  return route.access === 'gateway' ? SECURITY.gateway : SECURITY.person
}

/** The refusals that a route has by its nature, beside its own. */
function refusalsOf(route: Route): Set<RefusalCode> {
  const codes = new Set<RefusalCode>([...route.refusals, 'INTERNAL', 'TOO_SLOW'])
  const add = (when: boolean, ...more: RefusalCode[]) => {
    if (when) for (const code of more) codes.add(code)
  }
  const forPerson = route.access !== 'public' && route.access !== 'gateway'
  add(route.access !== 'public', 'UNKNOWN_HOST', 'INVALID_REQUEST', 'NOT_AUTHENTICATED', 'UNAVAILABLE')
  add(forPerson, 'NOT_ALLOWED')
  add(forPerson && route.access !== 'person', 'NOT_IN_SCOPE')
  add(route.method !== 'get', 'FOREIGN_ORIGIN', 'TOO_LARGE')
  add(route.stepUp, 'STEP_UP_REQUIRED')
  add(route.idempotent, 'IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_BUSY')
  return codes
}

const retryAfter = z.int().meta({ description: 'Seconds until another try makes sense.' })

function problemResponse(codes: RefusalCode[], status: number): ZodOpenApiResponseObject {
  const schema = z.intersection(problem, z.looseObject({ code: z.enum(codes) }))
  return {
    description: codes.join(', '),
    content: { 'application/problem+json': { schema } },
    ...(status === 429 || status === 503 ? { headers: z.object({ 'Retry-After': retryAfter.optional() }) } : {}),
  }
}

function contentOf({ schema, list, file }: Route['answer']) {
  if (file !== undefined) return { content: { [file]: { schema: z.string().meta({ format: 'binary' }) } } }
  return schema === null ? {} : { content: { 'application/json': { schema: list ? z.array(schema) : schema } } }
}

function responsesOf(route: Route): Record<`${1 | 2 | 3 | 4 | 5}${string}`, ZodOpenApiResponseObject> {
  const { status, says } = route.answer
  const done = contentOf(route.answer)
  const byStatus = Map.groupBy([...refusalsOf(route)].sort(), (code) => STATUS[code])
  const refused = [...byStatus].map(([code, codes]) => [`${code}`, problemResponse(codes, code)] as const)
  return Object.fromEntries([[`${status}`, { description: says, ...done }], ...refused])
}

function headersOf(route: Route): z.ZodObject {
  const stepUp = z.string().optional().meta({
    description:
      'A token of POST /v1/step-up. A session may leave it out, an unattended token for what its scopes name.',
  })
  const key = z.string().min(1).max(255).optional().meta({ description: 'A replay gets the stored answer.' })
  return z.object({
    ...(route.stepUp ? { 'Rekey-Step-Up': stepUp } : {}),
    ...(route.idempotent ? { 'Idempotency-Key': key } : {}),
  })
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const takesBody = route.body !== NO_INPUT.body
  const content = { [route.raw ?? 'application/json']: { schema: route.body } }
  return {
    operationId: route.operation,
    summary: route.summary,
    tags: [route.tag],
    security: securityOf(route),
    requestParams: { path: route.params, query: route.query, header: headersOf(route) },
    ...(takesBody ? { requestBody: { required: true, content } } : {}),
    responses: responsesOf(route),
  }
}

const SECURITY_SCHEMES = {
  personalToken: { type: 'http', scheme: 'bearer', description: 'A personal token, rkp_…; acts as its person.' },
  session: { type: 'apiKey', in: 'cookie', name: '__Host-rekey', description: 'A signed-in browser.' },
  gatewayToken: { type: 'http', scheme: 'bearer', description: 'A gateway token, rkg_…; may only verify.' },
} as const

const INFO = {
  title: 'Rekey',
  version: '1',
  description: 'A self-hosted support desk for rotating API keys.',
  license: { name: 'MIT', identifier: 'MIT' },
}

/** OpenAPI 3.1, made of the table that the API is served from. */
export function createOpenApi(routes: readonly Route[], publicUrl: string) {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method]: operationOf(route) }
  }
  const document: ZodOpenApiObject = {
    openapi: '3.1.1',
    info: INFO,
    servers: [{ url: publicUrl }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { securitySchemes: SECURITY_SCHEMES },
  }
  return createDocument(document, {
    override({ jsonSchema }) {
      // `format` says the same in a word.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
    },
  })
}

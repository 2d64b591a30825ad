import { zValidator } from '@hono/zod-validator'
import { z } from 'zod'
import type { Bearer } from '../../identity/sign-in/bearers.ts'
import type { Action, PersonActor } from '../../rules/permissions.ts'
import type { RefusalCode } from '../../rules/refusals.ts'
import { authenticate } from '../authentication.ts'
import { type App, bearerOf, type Desk, type WebContext } from '../context.ts'
import { type Done, send } from './answer.ts'
import { jsonBody, permit, refuseInvalid } from './checks.ts'
import type { Tag } from './tags.ts'

/** What a route takes where it takes nothing. */
export const NO_INPUT = { params: z.strictObject({}), query: z.strictObject({}), body: z.strictObject({}) }

type Input<P, Q, B> = { params: P; query: Q; body: B }

/** Everything that the OpenAPI document says of a route; the route is served from the same object. */
export type RouteFacts = Input<z.ZodObject, z.ZodObject, z.ZodType> & {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** In Hono's form, `/v1/rotations/:ref`. */
  path: string
  operation: string
  summary: string
  tag: Tag
  /** An action: a person whose role may do it. `person`: any signed-in person. `gateway`: a gateway token. */
  access: Action | 'person' | 'gateway' | 'public'
  /** The body is taken as the bytes that came, and the route looks at them by itself; `body` then only documents it. */
  raw?: 'application/json' | 'application/x-ndjson'
  /** Spends one step-up before it is carried out. */
  stepUp: boolean
  /** Takes an Idempotency-Key; `secrets` names the fields of the answer that a replay leaves empty. */
  idempotent: boolean
  secrets?: readonly string[]
  /** With `file` the answer is no JSON but a file of that media type, as bytes. */
  /** `list`: the answer is an array of these. */
  answer: { status: 200 | 201 | 204; schema: z.ZodObject | null; list?: true; says: string; file?: string }
  /** Its own refusals; those that every route like it has are added. */
  refusals: readonly RefusalCode[]
}
export type Route = RouteFacts & { add: (app: App) => void }

type Call<P, Q, B> = Input<P, Q, B> & { c: WebContext; desk: Desk }
type PersonCall<P, Q, B> = Call<P, Q, B> & { bearer: Bearer; actor: PersonActor }

/**
 * A route for persons: signed in by session or token, with the role for it, with a step-up and a replay guard where it
 * says so.
 */
export function personRoute<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  facts: RouteFacts & Input<P, Q, B> & { access: Action | 'person' },
  run: (call: PersonCall<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Done>,
): Route {
  function add(app: App): void {
    app.on(
      facts.method,
      facts.path,
      authenticate,
      permit(facts.access),
      jsonBody,
      zValidator('param', facts.params, refuseInvalid),
      zValidator('query', facts.query, refuseInvalid),
      zValidator('json', facts.body, refuseInvalid),
      (c) => {
        const [params, query, body] = [c.req.valid('param'), c.req.valid('query'), c.req.valid('json')]
        const bearer = bearerOf(c)
        const actor = { ...bearer.actor, address: c.get('address') }
        const call = { c, desk: c.get('desk'), bearer, actor, params, query, body }
        return send(c, facts, () => run(call))
      },
    )
  }
  return { ...facts, add }
}

/** A route that asks for no person: public, or for gateways, whose token the verb checks. */
export function openRoute<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  facts: RouteFacts & Input<P, Q, B> & { access: 'gateway' | 'public'; stepUp: false; idempotent: false },
  run: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Response>,
): Route {
  function add(app: App): void {
    app.on(
      facts.method,
      facts.path,
      jsonBody,
      zValidator('param', facts.params, refuseInvalid),
      zValidator('query', facts.query, refuseInvalid),
      zValidator('json', facts.body, refuseInvalid),
      (c) => {
        const [params, query, body] = [c.req.valid('param'), c.req.valid('query'), c.req.valid('json')]
        return run({ c, desk: c.get('desk'), params, query, body })
      },
    )
  }
  return { ...facts, add }
}

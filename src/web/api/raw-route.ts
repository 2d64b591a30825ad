import { zValidator } from '@hono/zod-validator'
import type { z } from 'zod'
import type { App, Desk, WebContext } from '../context.ts'
import { refuseInvalid } from './checks.ts'
import type { Route, RouteFacts } from './route.ts'

/**
 * A route for whoever signs what they send: it asks for no person, and gets the body as the very bytes that came, since these are what
 * was signed. Nothing in it has been looked at.
 */
export function signedRoute(
  facts: RouteFacts & { access: 'public'; stepUp: false; idempotent: false; raw: 'application/json' },
  run: (call: { c: WebContext; desk: Desk; body: Buffer }) => Promise<Response>,
): Route {
  function add(app: App): void {
    app.on(facts.method, facts.path, zValidator('query', facts.query, refuseInvalid), async (c) => {
      return run({ c, desk: c.get('desk'), body: Buffer.from(await c.req.arrayBuffer()) })
    })
  }
  return { ...facts, add }
}

/** Bytes that are said to be JSON, by their schema. Refuses INVALID_REQUEST. */
export function readJson<T extends z.ZodType>(body: Buffer, schema: T): z.output<T> {
  const result = schema.safeParse(parsed(body))
  refuseInvalid(result)
  return schema.parse(result.data)
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

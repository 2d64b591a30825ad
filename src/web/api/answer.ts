import { createHash } from 'node:crypto'
import type { z } from 'zod'
import type { CallKey, StoredAnswer } from '../../database/idempotency.ts'
import { spendStepUp } from '../../identity/sign-in/step-up.ts'
import type { Action } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { needsNoStepUp } from '../../rules/token-scopes.ts'
import { bearerOf, type WebContext } from '../context.ts'
import { onceByKey } from '../once.ts'

/** What a handler gives: an object for the answer's schema to pick from, the bytes of a file, or nothing. */
export type Done = object | undefined

type Facts = {
  access: Action | 'person' | 'gateway' | 'public'
  stepUp: boolean
  idempotent: boolean
  secrets?: readonly string[]
  answer: { status: 200 | 201 | 204; schema: z.ZodObject | null; file?: string }
}

/** As JSON has it: times as text. The schema then lets through what the document names and nothing else. */
function shaped(schema: z.ZodObject, done: Done): Record<string, unknown> {
  return schema.parse(JSON.parse(JSON.stringify(done)))
}

/** An unattended token's step-up was given when it was made. */
async function confirm(c: WebContext, access: Facts['access']): Promise<void> {
  const bearer = bearerOf(c)
  const isAction = access !== 'person' && access !== 'gateway' && access !== 'public'
  if (isAction && needsNoStepUp(bearer.actor.token, access)) return
  await spendStepUp(c.get('desk').db, bearer, c.req.header('rekey-step-up') ?? null)
}

async function carryOut(
  c: WebContext,
  facts: Facts,
  run: () => Promise<Done>,
): Promise<Record<string, unknown> | null> {
  if (facts.stepUp) await confirm(c, facts.access)
  const done = await run()
  return facts.answer.schema === null ? null : shaped(facts.answer.schema, done)
}

function respond(c: WebContext, answer: StoredAnswer, status: 200 | 201 | 204): Response {
  if (status === 204 || answer.body === null) return c.body(null, status)
  return c.body(answer.body, status, { 'content-type': 'application/json' })
}

function callKey(c: WebContext): CallKey | null {
  const key = c.req.header('idempotency-key')
  if (key === undefined) return null
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    const message = 'Idempotency-Key must be 1 to 255 visible ASCII characters.'
    throw new Refusal('INVALID_REQUEST', { errors: [{ pointer: '', message }] })
  }
  return { bearerId: bearerOf(c).id, idempotencyKey: key }
}

async function fingerprint(c: WebContext): Promise<Buffer> {
  return createHash('sha256')
    .update(`${c.req.method} ${c.req.path}\n${await c.req.text()}`)
    .digest()
}

function withoutSecrets(body: Record<string, unknown> | null, secrets: readonly string[]): string | null {
  return body && JSON.stringify({ ...body, ...Object.fromEntries(secrets.map((name) => [name, null])) })
}

async function sendOnce(c: WebContext, facts: Facts, key: CallKey, run: () => Promise<Done>): Promise<Response> {
  const { status } = facts.answer
  const call = { ...key, requestHash: await fingerprint(c) }
  const once = await onceByKey(
    c,
    call,
    () => carryOut(c, facts, run),
    (body) => ({ status, body: withoutSecrets(body, facts.secrets ?? []) }),
  )
  if (once.kind === 'mismatch') throw new Refusal('IDEMPOTENCY_MISMATCH')
  if (once.kind === 'busy') throw new Refusal('IDEMPOTENCY_BUSY')
  if (once.kind === 'answered') {
    c.header('idempotent-replay', 'true')
    return respond(c, once.answer, status)
  }
  return respond(c, { status, body: once.result && JSON.stringify(once.result) }, status)
}

async function sendFile(c: WebContext, facts: Facts, type: string, run: () => Promise<Done>): Promise<Response> {
  if (facts.stepUp) await confirm(c, facts.access)
  const file = await run()
  if (!(file instanceof Uint8Array)) throw new Error('the route gave no file')
  return c.body(new Uint8Array(file), 200, { 'content-type': type, 'content-disposition': 'attachment' })
}

/**
 * Spends the step-up, carries the call out and answers in the shape of the schema; a replay gets the stored answer
 * instead.
 */
export async function send(c: WebContext, facts: Facts, run: () => Promise<Done>): Promise<Response> {
  if (facts.answer.file !== undefined) return sendFile(c, facts, facts.answer.file, run)
  const key = facts.idempotent ? callKey(c) : null
  if (key !== null) return sendOnce(c, facts, key, run)
  const body = await carryOut(c, facts, run)
  return respond(c, { status: facts.answer.status, body: body && JSON.stringify(body) }, facts.answer.status)
}

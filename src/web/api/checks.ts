import { createMiddleware } from 'hono/factory'
import type { z } from 'zod'
import type { Action } from '../../rules/permissions.ts'
import { type FieldError, Refusal } from '../../rules/refusals.ts'
import { actorFor, bearerOf, type Web } from '../context.ts'

/** Lets on only a person whose role may do it. */
export function permit(access: Action | 'person') {
  return createMiddleware<Web>(async (c, next) => {
    if (access === 'person') bearerOf(c)
    else actorFor(c, access)
    return next()
  })
}

function invalid(pointer: string, message: string): Refusal {
  return new Refusal('INVALID_REQUEST', { errors: [{ pointer, message }] })
}

/** A body must be well-formed JSON and say so; an empty one stands for no fields. */
export const jsonBody = createMiddleware<Web>(async (c, next) => {
  const text = await c.req.text()
  if (text === '') {
    c.req.raw.headers.delete('content-type')
    return next()
  }
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw invalid('', 'Send the body as JSON, with Content-Type: application/json.')
  try {
    JSON.parse(text)
  } catch {
    throw invalid('', 'The body is not well-formed JSON.')
  }
  return next()
})

function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

type Issue = z.core.$ZodIssue

function fieldErrors(issue: Issue): FieldError[] {
  if (issue.code !== 'unrecognized_keys') return [{ pointer: pointerTo(issue.path), message: issue.message }]
  return issue.keys.map((key) => ({
    pointer: pointerTo([...issue.path, key]),
    message: 'There is no such field. Take it out.',
  }))
}

/** The hook of every validator: what does not fit becomes INVALID_REQUEST with the fields named. */
export function refuseInvalid(result: { success: true } | { success: false; error: { issues: Issue[] } }): void {
  if (!result.success) throw new Refusal('INVALID_REQUEST', { errors: result.error.issues.flatMap(fieldErrors) })
}

import { createHash, randomUUID } from 'node:crypto'
import { Refusal } from '../../rules/refusals.ts'
import { bearerOf, type WebContext } from '../context.ts'
import { onceByKey } from '../once.ts'

/** A key for one filled-in form, carried in it, so that sending it again makes nothing a second time. */
export function newDraft(): string {
  return randomUUID()
}

/**
 * Carries out what a form asks for once per draft; `again` answers whoever sends it once more, without doing anything. A
 * refusal sets the draft free: nothing was done, and the mended form may come with it. Refuses INVALID_REQUEST for a draft
 * that no page of ours made.
 */
export async function oncePerDraft(
  c: WebContext,
  draft: string,
  run: () => Promise<Response>,
  again: () => Promise<Response>,
): Promise<Response> {
  if (!/^[\w-]{1,64}$/.test(draft)) throw new Refusal('INVALID_REQUEST')
  const idempotencyKey = `form ${c.req.path} ${draft}`
  const requestHash = createHash('sha256').update(idempotencyKey).digest()
  const call = { bearerId: bearerOf(c).id, idempotencyKey, requestHash }
  const once = await onceByKey(c, call, run, () => ({ status: 200, body: null }))
  return once.kind === 'done' ? once.result : again()
}

import { createHash, randomUUID } from 'node:crypto'
import { claimCall, releaseCall, storeAnswer } from '../../database/idempotency.ts'
import { Refusal } from '../../rules/refusals.ts'
import { bearerOf, type WebContext } from '../context.ts'

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
  const { db } = c.get('desk')
  const call = { bearerId: bearerOf(c).id, idempotencyKey: `form ${c.req.path} ${draft}` }
  const claim = await claimCall(db, call, createHash('sha256').update(call.idempotencyKey).digest())
  if (claim.kind !== 'fresh') return again()
  try {
    const response = await run()
    await storeAnswer(db, call, claim.claimedAt, { status: 200, body: null })
    return response
  } catch (error) {
    if (error instanceof Refusal) await releaseCall(db, call, claim.claimedAt)
    throw error
  }
}

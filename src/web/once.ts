import { type CallClaim, type CallKey, claimCall, releaseCall, storeAnswer } from '../database/idempotency.ts'
import { errorFields } from '../log.ts'
import { Refusal } from '../rules/refusals.ts'
import type { WebContext } from './context.ts'

/** What came of it: the work's result, and what is kept of it for those who ask again, or why it wasn't done now. */
type Once<T> = { kind: 'done'; result: T } | Exclude<CallClaim, { kind: 'fresh' }>
type Call = CallKey & { requestHash: Buffer }

/**
 * Carries a piece of work out once per key, and keeps what `keep` makes of its result. A refusal sets the key free; after
 * any other error it stays taken for a while, since nobody can tell what was done.
 */
export async function onceByKey<T>(
  c: WebContext,
  { requestHash, ...call }: Call,
  run: () => Promise<T>,
  keep: (result: T) => { status: number; body: string | null },
): Promise<Once<T>> {
  const { db, log } = c.get('desk')
  const claim = await claimCall(db, call, requestHash)
  if (claim.kind !== 'fresh') return claim
  let result: T
  try {
    result = await run()
  } catch (error) {
    if (error instanceof Refusal) await releaseCall(db, call, claim.claimedAt)
    throw error
  }
  // It is done whether or not the answer can be kept, so the caller hears so.
  await storeAnswer(db, call, claim.claimedAt, keep(result)).catch((error: unknown) => {
    log.warn({ event: 'idempotency.not_kept', requestId: c.get('requestId'), ...errorFields(error) })
  })
  return { kind: 'done', result }
}

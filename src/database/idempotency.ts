import { sql } from 'kysely'
import type { Db } from './connect.ts'

export type CallKey = { bearerId: string; idempotencyKey: string }
export type StoredAnswer = { status: number; body: string | null }
export type CallClaim =
  | { kind: 'fresh'; claimedAt: Date }
  | { kind: 'answered'; answer: StoredAnswer }
  | { kind: 'busy' }
  | { kind: 'mismatch' }

/** A call that was not answered for this long died on the way; the next one with its key may take its place. */
const STUCK_SECONDS = 60
const KEPT_HOURS = 24
const SWEPT_AT_ONCE = 20

/**
 * Claims an idempotency key in one statement, so that of callers who come together one carries the call out and the
 * others find it busy. A claim left behind by a crash can be taken over after a minute. An answer is kept for a day;
 * each call sweeps away some that are older, whoever made them: a session is over long before its answers are.
 */
export async function claimCall(db: Db, call: CallKey, requestHash: Buffer): Promise<CallClaim> {
  const { rows } = await sql<{ claimedAt: Date }>`
    with forgotten as (
      delete from idempotent_call where (bearer_id, idempotency_key) in (
        select bearer_id, idempotency_key from idempotent_call
        where created_at < now() - ${KEPT_HOURS} * interval '1 hour'
          and (bearer_id, idempotency_key) <> (${call.bearerId}, ${call.idempotencyKey})
        order by created_at limit ${SWEPT_AT_ONCE} for update skip locked))
    insert into idempotent_call as known (bearer_id, idempotency_key, request_hash, created_at)
    values (${call.bearerId}, ${call.idempotencyKey}, ${requestHash}, clock_timestamp())
    on conflict (bearer_id, idempotency_key) do update
      set request_hash = excluded.request_hash, created_at = excluded.created_at, status = null, body = null
      where known.created_at < clock_timestamp() - ${KEPT_HOURS} * interval '1 hour'
        or (known.status is null and known.request_hash = excluded.request_hash
          and known.created_at < clock_timestamp() - ${STUCK_SECONDS} * interval '1 second')
    returning created_at as claimed_at`.execute(db)
  const mine = rows[0]
  if (mine !== undefined) return { kind: 'fresh', claimedAt: mine.claimedAt }
  const known = await at(db, call).select(['requestHash', 'status', 'body']).executeTakeFirst()
  if (known === undefined) return { kind: 'busy' }
  if (!known.requestHash.equals(requestHash)) return { kind: 'mismatch' }
  return known.status === null
    ? { kind: 'busy' }
    : { kind: 'answered', answer: { status: known.status, body: known.body } }
}

function at(db: Db, call: CallKey) {
  return db
    .selectFrom('idempotentCall')
    .where('bearerId', '=', call.bearerId)
    .where('idempotencyKey', '=', call.idempotencyKey)
}

/** Keeps the answer for replays, unless the claim was taken over meanwhile. The body must hold no secret. */
export async function storeAnswer(db: Db, call: CallKey, claimedAt: Date, answer: StoredAnswer): Promise<void> {
  await db
    .updateTable('idempotentCall')
    .set(answer)
    .where('bearerId', '=', call.bearerId)
    .where('idempotencyKey', '=', call.idempotencyKey)
    .where('createdAt', '=', claimedAt)
    .execute()
}

/** Gives the key free again after a refusal: nothing was done, so the same call may come again. */
export async function releaseCall(db: Db, call: CallKey, claimedAt: Date): Promise<void> {
  await db
    .deleteFrom('idempotentCall')
    .where('bearerId', '=', call.bearerId)
    .where('idempotencyKey', '=', call.idempotencyKey)
    .where('createdAt', '=', claimedAt)
    .where('status', 'is', null)
    .execute()
}

import { entryHash, GENESIS_HASH } from '../../rules/audit-chain.ts'
import type { Actor } from '../../rules/permissions.ts'
import type { Trx } from '../connect.ts'

/** The chain of what concerns no organisation. */
export const DESK_CHAIN = 'desk'

export type AuditFact = {
  /** What happened, `noun.verb`, such as `rotation.approve`. */
  action: string
  actor: Actor
  /** The rotation's reference, where it concerns one. */
  rotation?: string
  /** Ids and plain values; never a secret. */
  facts?: Record<string, string | number | boolean | null | readonly string[]>
}

export type AuditPosition = { auditChain: string; auditSequence: number }

function actorText(actor: Actor): string {
  return actor.kind === 'person' ? actor.personId : actor.kind
}

/**
 * Appends to a chain inside the caller's transaction and holds its head until the commit: call it after every other
 * lock is taken. The hash covers the text as it is stored.
 */
export async function recordAudit(trx: Trx, chain: string, at: Date, fact: AuditFact): Promise<AuditPosition> {
  await trx
    .insertInto('auditHead')
    .values({ chain, sequence: 0, hash: GENESIS_HASH })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const head = await trx
    .selectFrom('auditHead')
    .selectAll()
    .where('chain', '=', chain)
    .forUpdate()
    .executeTakeFirstOrThrow()
  const sequence = Number(head.sequence) + 1
  const body = JSON.stringify({
    at: at.toISOString(),
    action: fact.action,
    actor: actorText(fact.actor),
    rotation: fact.rotation ?? null,
    ...fact.facts,
  })
  const hash = entryHash(head.hash, chain, sequence, body)
  await trx.insertInto('auditEntry').values({ chain, sequence, body, previousHash: head.hash, hash, at }).execute()
  await trx.updateTable('auditHead').set({ sequence, hash }).where('chain', '=', chain).execute()
  return { auditChain: chain, auditSequence: sequence }
}

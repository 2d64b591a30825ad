import { entryHash, GENESIS_HASH } from '../../rules/audit-chain.ts'
import type { Actor } from '../../rules/permissions.ts'
import type { Trx } from '../connect.ts'

/** The chain of what concerns no organisation. */
export const DESK_CHAIN = 'desk'

export type AuditFact = {
  /** What happened, `noun.verb`, such as `rotation.approve`. */
  action: string
  /** A person's entry names the token that they acted through, if it was one. */
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

async function lockHead(trx: Trx, chain: string) {
  const head = trx.selectFrom('auditHead').selectAll().where('chain', '=', chain).forUpdate()
  const found = await head.executeTakeFirst()
  if (found !== undefined) return found
  await trx
    .insertInto('auditHead')
    .values({ chain, sequence: 0, hash: GENESIS_HASH })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return head.executeTakeFirstOrThrow()
}

function bodyOf(at: Date, fact: AuditFact): string {
  return JSON.stringify({
    at: at.toISOString(),
    action: fact.action,
    actor: actorText(fact.actor),
    rotation: fact.rotation ?? null,
    ...(fact.actor.kind === 'person' && fact.actor.token ? { byToken: fact.actor.token.id } : {}),
    ...fact.facts,
  })
}

/**
 * Appends to a chain inside the caller's transaction and holds its head until the commit: call it after every other
 * lock is taken. The hash covers the text as it is stored. Several facts are written together, in their order, in as
 * many statements as one.
 */
export async function recordAudits(
  trx: Trx,
  chain: string,
  at: Date,
  facts: readonly AuditFact[],
): Promise<AuditPosition[]> {
  if (facts.length === 0) return []
  const head = await lockHead(trx, chain)
  const start = Number(head.sequence)
  let hash = head.hash
  const entries = facts.map((fact, i) => {
    const sequence = start + i + 1
    const previousHash = hash
    const body = bodyOf(at, fact)
    hash = entryHash(previousHash, chain, sequence, body)
    return { chain, sequence, body, previousHash, hash, at }
  })
  await trx.insertInto('auditEntry').values(entries).execute()
  const sequence = start + entries.length
  await trx.updateTable('auditHead').set({ sequence, hash }).where('chain', '=', chain).execute()
  return entries.map((entry) => ({ auditChain: chain, auditSequence: entry.sequence }))
}

/** The same for one fact. */
export async function recordAudit(trx: Trx, chain: string, at: Date, fact: AuditFact): Promise<AuditPosition> {
  const [position] = await recordAudits(trx, chain, at, [fact])
  if (position === undefined) throw new Error('an entry was not written')
  return position
}

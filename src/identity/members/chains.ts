import { type AuditFact, type AuditPosition, recordAudits } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'

export type ChainedFact = AuditFact & { chain: string }

/**
 * Appends to several chains, in the one order in which their heads are locked, so that two who do so don't wait for each other. Call
 * it after every other lock is taken. Gives the first entry of each chain.
 */
export async function recordInChains(
  trx: Trx,
  at: Date,
  facts: readonly ChainedFact[],
): Promise<Map<string, AuditPosition>> {
  const first = new Map<string, AuditPosition>()
  for (const chain of [...new Set(facts.map((fact) => fact.chain))].sort()) {
    const [position] = await recordAudits(
      trx,
      chain,
      at,
      facts.filter((fact) => fact.chain === chain),
    )
    if (position !== undefined) first.set(chain, position)
  }
  return first
}

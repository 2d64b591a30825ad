import { sql } from 'kysely'
import { entryHash, GENESIS_HASH } from '../../rules/audit-chain.ts'
import type { Db } from '../connect.ts'

const BATCH = 5_000

/** How far a chain has come: kept outside the database, it proves that nothing was cut off since. */
export type ChainHead = { chain: string; sequence: number; hash: string }

/** The first thing that is wrong with a chain, in words that name the row. */
export type ChainFault = { chain: string; fault: string }

type Entry = { sequence: string; body: string; previousHash: Buffer; hash: Buffer }

/** The heads of all chains, as they are now. */
export async function findHeads(db: Db): Promise<ChainHead[]> {
  const heads = await db.selectFrom('auditHead').selectAll().orderBy('chain').execute()
  return heads.map(({ chain, sequence, hash }) => ({ chain, sequence: Number(sequence), hash: hash.toString('hex') }))
}

async function* readEntries(db: Db, chain: string, last: number): AsyncGenerator<Entry> {
  let after = '0'
  for (;;) {
    const entries = await db
      .selectFrom('auditEntry')
      .select(['sequence', 'body', 'previousHash', 'hash'])
      .where('chain', '=', chain)
      .where('sequence', '>', after)
      .where('sequence', '<=', String(last))
      .orderBy('sequence')
      .limit(BATCH)
      .execute()
    yield* entries
    const end = entries.at(-1)
    if (end === undefined) return
    after = end.sequence
  }
}

function faultOf(entry: Entry, chain: string, expected: number, previousHash: Buffer): string | null {
  const sequence = Number(entry.sequence)
  if (sequence !== expected) return `entry ${expected} is missing; the next one there is ${sequence}`
  if (!entry.previousHash.equals(previousHash)) return `entry ${sequence} does not follow the one before it`
  const right = entryHash(previousHash, chain, sequence, entry.body)
  return entry.hash.equals(right) ? null : `entry ${sequence} was changed, or stood elsewhere`
}

/**
 * Reads one chain from its beginning to `head`; what is appended meanwhile is not looked at. `known` is an earlier head,
 * kept elsewhere, that the chain has to lead through. Null when every hash fits.
 */
async function findFault(db: Db, head: ChainHead, known: ChainHead | undefined): Promise<string | null> {
  let hash: Buffer = GENESIS_HASH
  let sequence = 0
  for await (const entry of readEntries(db, head.chain, head.sequence)) {
    const fault = faultOf(entry, head.chain, sequence + 1, hash)
    if (fault !== null) return fault
    sequence += 1
    hash = entry.hash
    if (sequence === known?.sequence && hash.toString('hex') !== known.hash) {
      return `entry ${sequence} is not the one that was there when the heads were saved`
    }
  }
  if (sequence < head.sequence) return `the entries from ${sequence + 1} to ${head.sequence} are missing at the end`
  if (hash.toString('hex') !== head.hash) return `the head does not fit entry ${sequence}, the last one`
  if (known !== undefined && known.sequence > sequence) {
    return `the entries from ${sequence + 1} to ${known.sequence}, there when the heads were saved, are missing at the end`
  }
  return null
}

/** Where histories say that a chain has come to: one that was cut off together with its head falls short of that. */
async function findNeededHeads(db: Db): Promise<Map<string, number>> {
  const { rows } = await sql<{ chain: string; sequence: string }>`
    select audit_chain as chain, max(audit_sequence) as sequence from (
      select audit_chain, audit_sequence from rotation_history
      union all select audit_chain, audit_sequence from item_history) as moves
    group by audit_chain`.execute(db)
  return new Map(rows.map((row) => [row.chain, Number(row.sequence)]))
}

export type ChainCheck = { chains: number; entries: number; faults: ChainFault[] }

/**
 * Checks every chain, hash by hash: a row that was changed, deleted, moved or cut off is named, the first of each chain.
 * With `known` heads, saved elsewhere before, also what was cut off or written anew together with its head.
 */
export async function checkChains(db: Db, known: readonly ChainHead[] = []): Promise<ChainCheck> {
  const needed = await findNeededHeads(db)
  const heads = await findHeads(db)
  const faults: ChainFault[] = []
  for (const head of heads) {
    const fault = await findFault(
      db,
      head,
      known.find((each) => each.chain === head.chain),
    )
    const short = (needed.get(head.chain) ?? 0) > head.sequence
    const cut = `the entries from ${head.sequence + 1} to ${needed.get(head.chain)} are missing: rotations refer to them`
    if (fault !== null) faults.push({ chain: head.chain, fault })
    else if (short) faults.push({ chain: head.chain, fault: cut })
  }
  const chains = new Set([...needed.keys(), ...known.map(({ chain }) => chain)])
  for (const { chain } of heads) chains.delete(chain)
  for (const chain of chains) faults.push({ chain, fault: 'the whole chain is missing' })
  return { chains: heads.length, entries: heads.reduce((sum, { sequence }) => sum + sequence, 0), faults }
}

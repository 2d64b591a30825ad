import { createHash } from 'node:crypto'

/** What every chain starts from. */
export const GENESIS_HASH = Buffer.alloc(32)

/** SHA-256 over the hash before it, the place in the chain and the stored text of the entry. */
export function entryHash(previousHash: Buffer, chain: string, sequence: number, body: string): Buffer {
  return createHash('sha256').update(previousHash).update(`${chain}\n${sequence}\n`).update(body).digest()
}

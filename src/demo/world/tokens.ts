import type { Db } from '../../database/connect.ts'
import { createPersonalToken } from '../../identity/tokens/tokens.ts'
import type { People } from './people.ts'

const DAY_MILLISECONDS = 86_400_000

/** Tokens to look at: one that only reads, and one that a machine uses unattended. */
export async function showTokens(db: Db, { organisations }: People): Promise<void> {
  const owner = organisations[0]?.owner.actor
  if (owner === undefined) throw new Error('somebody is missing')
  const until = (days: number) => new Date(Date.now() + days * DAY_MILLISECONDS)
  await createPersonalToken(db, owner, { name: 'Status board', expiresAt: until(180), scopes: ['read'] })
  await createPersonalToken(db, owner, {
    name: 'Nightly rotation job',
    expiresAt: until(60),
    scopes: ['read', 'rotations:file', 'versions:reveal'],
    unattended: true,
    ipRanges: ['192.0.2.0/24'],
  })
}

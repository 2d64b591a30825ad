import { createHash, randomBytes } from 'node:crypto'

/** A token with 256 bits from the CSPRNG, base64url without padding, after `prefix`. */
export function newToken(prefix = ''): string {
  return prefix + randomBytes(32).toString('base64url').replaceAll(/[-_]/g, '0')
}

/** SHA-256: how tokens are stored. They carry enough entropy that no slow hash is needed. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

import { randomInt } from 'node:crypto'
import { hashToken } from './tokens.ts'

// Without 0, O, 1, I and L, since people type it from paper. 31^16 is above 2^79, so a plain hash is enough.
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTUVWXYZ'
const GROUPS = 4
const GROUP_LENGTH = 4

/** A code to keep on paper, such as `7KQF-2MWT-ZX4P-9CHD`. */
export function newRecoveryCode(): string {
  const group = () => Array.from({ length: GROUP_LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('')
  return Array.from({ length: GROUPS }, group).join('-')
}

function bare(code: string): string {
  return code.toUpperCase().replaceAll(/[^0-9A-Z]/g, '')
}

/** Whether the text has the length of a recovery code rather than of a one-time code. */
export function looksLikeRecoveryCode(text: string): boolean {
  return bare(text).length > 8
}

/** How a recovery code is stored, however it was typed: small letters, without or with other separators. */
export function hashRecoveryCode(personId: string, code: string): Buffer {
  return hashToken(`${personId}|${bare(code)}`)
}

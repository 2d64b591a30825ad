import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

export type KeyKind = 'auth' | 'admin'
export type Environment = 'live' | 'sandbox'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SECRET_LENGTH = 32
const CHECKSUM_LENGTH = 6
/** Longer texts are never looked up. */
const MAX_KEY_LENGTH = 256

/** CRC-32 (ISO 3309) of the text as six base62 characters, zero-padded: 62^6 > 2^32, so it always fits. */
function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = BASE62.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

/**
 * A new key's text, `<prefix>_<kind>_<environment>_<secret><checksum>`. `randomBytes(n)` must come from a CSPRNG;
 * bytes of 248 and above are thrown away, so that each of the 62 characters is equally likely (190 bits in all).
 */
export function makeKeyText(
  prefix: string,
  kind: KeyKind,
  environment: Environment,
  randomBytes: (count: number) => Uint8Array,
): string {
  let secret = ''
  while (secret.length < SECRET_LENGTH) {
    for (const byte of randomBytes(SECRET_LENGTH)) {
      if (byte < 248 && secret.length < SECRET_LENGTH) secret += BASE62.charAt(byte % 62)
    }
  }
  const body = `${prefix}_${kind}_${environment}_${secret}`
  return body + checksum(body)
}

/**
 * Whether the text can be a key at all: at most 256 characters, and, when it carries our prefix, well formed with the right
 * checksum. What is not plausible is never looked up; other text may be an imported key and is.
 */
export function isPlausibleKey(prefix: string, text: string): boolean {
  if (text.length === 0 || text.length > MAX_KEY_LENGTH) return false
  if (!text.startsWith(`${prefix}_`)) return true
  const body = text.slice(0, -CHECKSUM_LENGTH)
  const shape = /^_(auth|admin)_(live|sandbox)_[0-9A-Za-z]{32}$/
  return shape.test(body.slice(prefix.length)) && checksum(body) === text.slice(-CHECKSUM_LENGTH)
}

/** SHA-256 of the whole text: how a key is stored and looked up. */
export function hashKey(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

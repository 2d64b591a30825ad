import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

/** A secret under AES-256-GCM: nonce (12 bytes), tag (16), ciphertext; and the id of the master key that opens it. */
export type Sealed = { sealed: Buffer; keyId: string }

/** Seals and opens with the master keys the desk holds: new ones with the current, old ones with whichever fits. */
export type Sealer = {
  seal: (text: string, boundTo: string) => Sealed
  /** Null when the key is not held or the seal was not made for `boundTo`. */
  open: (sealed: Sealed, boundTo: string) => string | null
}

function idOf(key: Buffer): string {
  return createHash('sha256').update('rekey master key id').update(key).digest('hex').slice(0, 16)
}

/**
 * `boundTo` is authenticated with the secret (NIST SP 800-38D, additional data), such as `org|key|version`, so that a
 * ciphertext moved to another row does not open.
 */
export function createSealer(current: Buffer, previous?: Buffer): Sealer {
  const ring = new Map([previous, current].filter((key) => key !== undefined).map((key) => [idOf(key), key]))
  return {
    seal(text, boundTo) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', current, nonce).setAAD(Buffer.from(boundTo))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return { sealed: Buffer.concat([nonce, cipher.getAuthTag(), body]), keyId: idOf(current) }
    },
    open({ sealed, keyId }, boundTo) {
      const key = ring.get(keyId)
      if (key === undefined) return null
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 })
      decipher.setAAD(Buffer.from(boundTo)).setAuthTag(sealed.subarray(12, 28))
      try {
        return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8')
      } catch {
        return null
      }
    },
  }
}

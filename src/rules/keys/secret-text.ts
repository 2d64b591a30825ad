import { REFUSALS, Refusal } from '../refusals.ts'

const SECRET = /(?:[a-z][a-z0-9]{0,15}_(?:auth|admin)_(?:live|sandbox)|rk[pg])_[0-9A-Za-z]{20,}/

/**
 * Whether free text holds something that looks like a key, of whatever prefix, or a token of the desk. The checksum doesn't
 * matter: somebody who pastes a key with a typo has leaked it all the same.
 */
export function containsSecret(text: string): boolean {
  return SECRET.test(text)
}

/** Refuses text that looks like a key with CONTAINS_SECRET: it would go into letters and stay on record. */
export function refuseSecret(pointer: string, text = ''): void {
  if (containsSecret(text)) {
    throw new Refusal('CONTAINS_SECRET', { errors: [{ pointer, message: REFUSALS.CONTAINS_SECRET }] })
  }
}

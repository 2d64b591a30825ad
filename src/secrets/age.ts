import { Encrypter } from 'age-encryption'

/** A native recipient of age (X25519, https://age-encryption.org/v1): Bech32, always of this length. */
const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/

/**
 * Encrypts a secret as an age file (https://age-encryption.org/v1) that the stock `age` program opens with the recipient's
 * identity and nothing else. Takes some milliseconds of this process's time.
 */
export async function encryptTo(recipient: string, secret: string): Promise<Buffer> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return Buffer.from(await encrypter.encrypt(secret))
}

/** Whether files can be encrypted to this text; found out by doing so, since a checksum proves nothing of the point behind it. */
export async function isAgeRecipient(text: string): Promise<boolean> {
  if (!RECIPIENT.test(text)) return false
  return encryptTo(text, '').then(
    () => true,
    () => false,
  )
}

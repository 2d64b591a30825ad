import { generateSecret, generateURI, verify } from 'otplib'

const STEP_SECONDS = 30

/** A seed for one-time codes: 160 bits in Base32, as authenticator apps take it (RFC 4226 §4). */
export function newCodeSeed(): string {
  return generateSecret()
}

/** The `otpauth://` address that an authenticator app reads from a QR code. */
export function codeUri(seed: string, email: string): string {
  return generateURI({ issuer: 'Rekey', label: email, secret: seed })
}

/**
 * The time step (RFC 6238 §4.2) whose code this is: the one of `at` or the one before, for a code that was on its way
 * while the step changed; never a later one. Null for any other text. otplib throws on what isn't six ASCII digits.
 */
export async function matchingTimeStep(seed: string, code: string, at: Date): Promise<number | null> {
  const epoch = Math.floor(at.getTime() / 1000)
  try {
    const result = await verify({
      secret: seed,
      token: code.replaceAll(/\s/g, ''),
      epoch,
      period: STEP_SECONDS,
      epochTolerance: [STEP_SECONDS, 0],
    })
    return result.valid && 'timeStep' in result ? result.timeStep : null
  } catch {
    return null
  }
}

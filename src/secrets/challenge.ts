import { createHash, createHmac } from 'node:crypto'
import { type Challenge, createChallenge, verifySolution } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2'
import { z } from 'zod'

/** About a second of one core for whoever solves it, some milliseconds here: 256 derivations are needed on average. */
const WORK = { algorithm: 'PBKDF2/SHA-256', cost: 5_000, keyLength: 32, keyPrefix: '00' } as const
const GOOD_FOR_SECONDS = 20 * 60

/** What signs challenges, the same in every process that holds the master key, and of no use for anything else. */
export function challengeSecret(masterKey: Buffer): string {
  return createHmac('sha256', masterKey).update('rekey proof of work').digest('hex')
}

/** A proof of work (ALTCHA, https://altcha.org) to be done for one purpose, signed, so that nothing has to be remembered of it. */
export async function newChallenge(secret: string, purpose: string, now: Date): Promise<Challenge> {
  const expiresAt = Math.floor(now.getTime() / 1000) + GOOD_FOR_SECONDS
  return createChallenge({ ...WORK, expiresAt, data: { purpose }, deriveKey, hmacSignatureSecret: secret })
}

const hex = z.string().regex(/^[0-9a-f]{2,128}$/)
const payload = z.object({
  challenge: z.object({
    parameters: z.strictObject({
      algorithm: z.literal(WORK.algorithm),
      nonce: hex,
      salt: hex,
      cost: z.literal(WORK.cost),
      keyLength: z.literal(WORK.keyLength),
      keyPrefix: z.literal(WORK.keyPrefix),
      expiresAt: z.int(),
      data: z.strictObject({ purpose: z.string() }),
    }),
    signature: hex,
  }),
  solution: z.looseObject({ counter: z.int(), derivedKey: z.string() }),
})

function parsed(text: string): z.infer<typeof payload> | null {
  try {
    return payload.safeParse(JSON.parse(Buffer.from(text, 'base64').toString('utf8'))).data ?? null
  } catch {
    return null
  }
}

/** A challenge that was solved: what makes it this one, and until when it is good. */
export type Solved = { hash: Buffer; expiresAt: Date }

/** The challenge that a widget's text solves, or null when it solves none of ours for this purpose, or too late. */
export async function checkSolution(secret: string, purpose: string, text: string): Promise<Solved | null> {
  const sent = parsed(text)
  if (sent === null || sent.challenge.parameters.data.purpose !== purpose) return null
  const { challenge, solution } = sent
  const { verified } = await verifySolution({ challenge, solution, deriveKey, hmacSignatureSecret: secret })
  if (!verified) return null
  const hash = createHash('sha256').update(challenge.signature).digest()
  return { hash, expiresAt: new Date(challenge.parameters.expiresAt * 1000) }
}

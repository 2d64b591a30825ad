import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const PREFIX = 'whsec_'

/** A secret as Standard Webhooks writes one: 256 random bits in base64 behind a prefix. */
export function newWebhookSecret(): string {
  return PREFIX + randomBytes(32).toString('base64')
}

/** What a secret's seal is bound to, so that it opens for its own row of its own endpoint alone. */
export function webhookSeal(endpointId: string, secretId: string): string {
  return `webhook|${endpointId}|${secretId}`
}

type Signed = { id: string; timestamp: number; body: string }

/**
 * The value of `webhook-signature` (Standard Webhooks 1.0.0, "Signature scheme"): HMAC-SHA256 of `id.timestamp.body`, one for each
 * secret, with spaces between them; a receiver accepts it when any of them fits. `timestamp` in seconds.
 */
export function signWebhook(secrets: readonly string[], { id, timestamp, body }: Signed): string {
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return signatures.join(' ')
}

/** The keys that a secret may stand for: after the prefix it is base64; without it, that or the text itself. */
function keysOf(secret: string): Buffer[] {
  if (secret.startsWith(PREFIX)) return [Buffer.from(secret.slice(PREFIX.length), 'base64')]
  return [Buffer.from(secret, 'base64'), Buffer.from(secret, 'utf8')]
}

/** Whether one of the signatures in `webhook-signature` is this secret's over what was sent. Says nothing of its age. */
export function webhookSignatureFits(
  secret: string,
  { id, timestamp, body }: { id: string; timestamp: number; body: Buffer },
  header: string,
): boolean {
  const sent = header
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .map((part) => Buffer.from(part.slice(3), 'base64'))
  const expected = keysOf(secret).map((key) =>
    createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest(),
  )
  return expected.some((mac) => sent.some((each) => each.length === mac.length && timingSafeEqual(each, mac)))
}

import { createHmac, randomBytes } from 'node:crypto'

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

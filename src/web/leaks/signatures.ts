import { verify } from 'node:crypto'
import { Refusal } from '../../rules/refusals.ts'
import { webhookSignatureFits } from '../../secrets/webhooks.ts'
import type { WebContext } from '../context.ts'
import type { FindGithubKey } from './github-keys.ts'

/** How far apart the clocks of sender and desk may be, and how long a message may be on its way (Standard Webhooks 1.0.0). */
const TOLERANCE_SECONDS = 5 * 60
const BASE64 = /^[A-Za-z0-9+/]{8,200}={0,2}$/

/**
 * Makes sure that GitHub signed these bytes: ECDSA on P-256 with SHA-256 over the body as it came, by the key that the header names
 * (docs.github.com, "Secret scanning partner program"). Refuses SIGNATURE_REJECTED, and UNAVAILABLE while GitHub's keys can't be read.
 */
export async function requireGithubSignature(c: WebContext, findKey: FindGithubKey, body: Buffer): Promise<void> {
  const id = c.req.header('github-public-key-identifier') ?? ''
  const signature = c.req.header('github-public-key-signature') ?? ''
  if (!/^[\w-]{1,128}$/.test(id) || !BASE64.test(signature)) throw new Refusal('SIGNATURE_REJECTED')
  const key = await findKey(id)
  const fits = key !== null && verify('sha256', body, key, Buffer.from(signature, 'base64'))
  if (!fits) throw new Refusal('SIGNATURE_REJECTED')
}

/** Makes sure that whoever holds the secret signed these bytes lately, as Standard Webhooks has it. Refuses SIGNATURE_REJECTED. */
export function requireWebhookSignature(c: WebContext, secret: string, body: Buffer): void {
  const id = c.req.header('webhook-id') ?? ''
  const timestamp = c.req.header('webhook-timestamp') ?? ''
  const age = Math.abs(Date.now() / 1000 - Number(timestamp))
  const inTime = /^\d{1,12}$/.test(timestamp) && age <= TOLERANCE_SECONDS
  const signed = { id, timestamp: Number(timestamp), body }
  const fits = inTime && webhookSignatureFits(secret, signed, c.req.header('webhook-signature') ?? '')
  if (!fits) throw new Refusal('SIGNATURE_REJECTED')
}

import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { findKeepers, lockEndpoint } from '../../database/webhooks/endpoints.ts'
import { endDeliveries } from '../../database/webhooks/queue.ts'
import { putNotices } from '../../outbox/notices.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { isWebhookEventType } from '../../rules/webhooks/events.ts'
import type { Sealer } from '../../secrets/sealing.ts'
import { newWebhookSecret, webhookSeal } from '../../secrets/webhooks.ts'

const MAX_ENDPOINTS = 20
export const MAX_SECRET_OVERLAP_SECONDS = 604_800

export type WebhookParts = {
  db: Db
  sealer: Sealer
  /** Gives the address as it is kept, after it was looked at from here. Refuses ADDRESS_REFUSED. */
  checkWebhookUrl: (url: string) => Promise<string>
}

async function addSecret(trx: Trx, sealer: Sealer, endpointId: string, at: Date): Promise<string> {
  const id = newId('webhookSecret')
  const secret = newWebhookSecret()
  const { sealed, keyId } = sealer.seal(secret, webhookSeal(endpointId, id))
  await trx.insertInto('webhookSecret').values({ id, endpointId, sealed, sealedKeyId: keyId, createdAt: at }).execute()
  return secret
}

/** Every event of every rotation goes to each endpoint, so an organisation has only so many. */
async function refuseTooMany(trx: Trx, organisationId: string | null): Promise<void> {
  if (organisationId === null) return
  await trx.selectFrom('organisation').select('id').where('id', '=', organisationId).forNoKeyUpdate().execute()
  const endpoints = await trx
    .selectFrom('webhookEndpoint')
    .select('id')
    .where('organisationId', '=', organisationId)
    .where('removedAt', 'is', null)
    .execute()
  if (endpoints.length < MAX_ENDPOINTS) return
  const message = `There are ${MAX_ENDPOINTS} endpoints already. Remove one first.`
  throw new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/url', message }] })
}

function checkedEvents(events: readonly string[]): string[] {
  const unknown = events.find((type) => !isWebhookEventType(type))
  if (unknown === undefined) return [...new Set(events)]
  const errors = [{ pointer: '/events', message: 'Choose types of the list.' }]
  throw new Refusal('INVALID_REQUEST', { errors })
}

/**
 * Makes an endpoint: a member's is their organisation's, a staff admin's the desk's own, which hears of every organisation. It is told of
 * the events named, or of all. Its secret is in the answer and nowhere else; all who keep endpoints hear of it by mail. Refuses
 * ADDRESS_REFUSED and INVALID_REQUEST.
 */
export async function createWebhookEndpoint(
  { db, sealer, checkWebhookUrl }: WebhookParts,
  actor: PersonActor,
  input: { url: string; events?: readonly string[] | undefined },
): Promise<{ id: string; secret: string }> {
  requireRole(actor, 'webhooks.manage')
  const { organisationId } = actor
  const events = checkedEvents(input.events ?? [])
  const url = await checkWebhookUrl(input.url)
  const id = newId('webhookEndpoint')
  return db.transaction().execute(async (trx) => {
    await refuseTooMany(trx, organisationId)
    const at = await clock(trx)
    const row = { id, organisationId, url, events, createdBy: actor.personId, createdAt: at }
    await trx.insertInto('webhookEndpoint').values(row).execute()
    const secret = await addSecret(trx, sealer, id, at)
    const { organisation, readers } = await findKeepers(trx, actor)
    const about = new URL(url).host
    const shown = { organisation, who: actor.name, about, path: `/webhooks/${id}`, at }
    await putNotices(trx, readers, { ...shown, notice: 'webhook_added', key: id })
    const facts = { endpoint: id, host: about, events }
    await recordAudit(trx, organisationId ?? DESK_CHAIN, at, { action: 'webhook.create', actor, facts })
    return { id, secret }
  })
}

/**
 * Gives an endpoint a new secret. Whatever signed until now signs beside it for `overlapSeconds` (at most 7 days) and no longer; secrets
 * that have ended are forgotten. Refuses NOT_FOUND.
 */
export async function rollWebhookSecret(
  { db, sealer }: WebhookParts,
  actor: PersonActor,
  id: string,
  overlapSeconds: number,
): Promise<{ secret: string; oldSecretEndsAt: Date }> {
  requireRole(actor, 'webhooks.manage')
  return db.transaction().execute(async (trx) => {
    await lockEndpoint(trx, actor, id)
    const at = await clock(trx)
    const oldSecretEndsAt = new Date(at.getTime() + overlapSeconds * 1000)
    const old = trx.updateTable('webhookSecret').set({ endsAt: oldSecretEndsAt }).where('endpointId', '=', id)
    await old.where('endsAt', 'is', null).execute()
    await trx.deleteFrom('webhookSecret').where('endpointId', '=', id).where('endsAt', '<=', at).execute()
    const secret = await addSecret(trx, sealer, id, at)
    const facts = { endpoint: id, overlapSeconds }
    await recordAudit(trx, actor.organisationId ?? DESK_CHAIN, at, { action: 'webhook.roll_secret', actor, facts })
    return { secret, oldSecretEndsAt }
  })
}

/** Removes an endpoint with its secrets; what waits for it is ended. Refuses NOT_FOUND, also when it is removed already. */
export async function removeWebhookEndpoint(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'webhooks.manage')
  await db.transaction().execute(async (trx) => {
    await lockEndpoint(trx, actor, id)
    const at = await clock(trx)
    await trx.updateTable('webhookEndpoint').set({ removedAt: at }).where('id', '=', id).execute()
    await trx.deleteFrom('webhookSecret').where('endpointId', '=', id).execute()
    await endDeliveries(trx, id, at)
    const facts = { endpoint: id }
    await recordAudit(trx, actor.organisationId ?? DESK_CHAIN, at, { action: 'webhook.remove', actor, facts })
  })
}

/** Lets an endpoint that was switched off hear again, of what happens from now on; one that is on stays so. Refuses NOT_FOUND. */
export async function switchOnWebhookEndpoint(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'webhooks.manage')
  await db.transaction().execute(async (trx) => {
    const { switchedOffAt } = await lockEndpoint(trx, actor, id)
    if (switchedOffAt === null) return
    const at = await clock(trx)
    const on = { switchedOffAt: null, switchedOffBecause: null, pausedUntil: null }
    await trx.updateTable('webhookEndpoint').set(on).where('id', '=', id).execute()
    const facts = { endpoint: id }
    await recordAudit(trx, actor.organisationId ?? DESK_CHAIN, at, { action: 'webhook.switch_on', actor, facts })
  })
}

import { sql } from 'kysely'
import { afterAll } from 'vitest'
import type { Db } from '../../../src/database/connect.ts'
import { createWebhookEndpoint, type WebhookParts } from '../../../src/desk/webhooks/endpoints.ts'
import { createLog, type Log } from '../../../src/log.ts'
import { createAddressCheck, createUrlCheck, type Resolve } from '../../../src/outbox/webhooks/addresses.ts'
import {
  finishWebhooks,
  openWebhooks,
  startDueWebhooks,
  type WebhookMilestone,
  type WebhookSender,
} from '../../../src/outbox/webhooks/deliver.ts'
import type { NewWebhookEvent } from '../../../src/outbox/webhooks.ts'
import { putWebhookEvents } from '../../../src/outbox/webhooks.ts'
import type { PersonActor } from '../../../src/rules/permissions.ts'
import { CERTIFICATE } from '../../support/webhook-receiver.ts'
import { maker } from '../../support/worlds/desk-world.ts'

export const log: Log = createLog('fatal')

/** Names of the tests' own lead to this machine. */
const HERE: Resolve = async (host) => (host.endsWith('.test') ? ['127.0.0.1'] : [])
const ALLOWED = ['hooks.test', 'other.test', '127.0.0.1']
const check = createAddressCheck(ALLOWED, HERE)

export function partsOf(db: Db): WebhookParts {
  return { db, sealer: maker.sealer, checkWebhookUrl: createUrlCheck(check) }
}

/** A sender as a worker has it; closed after the file. */
export function openTestSender(): WebhookSender {
  const sender = openWebhooks({ sealer: maker.sealer, check, ca: CERTIFICATE })
  afterAll(() => sender.close())
  return sender
}

export function addEndpoint(db: Db, actor: PersonActor, url: string, events: string[] = []) {
  return createWebhookEndpoint(partsOf(db), actor, { url, events })
}

let number = 0

/** Puts events of an organisation as a verb does. */
export async function putEvents(
  db: Db,
  organisationId: string,
  count = 1,
  event: Partial<NewWebhookEvent> = {},
): Promise<void> {
  const events = Array.from({ length: count }, () => ({
    type: 'rotation.submitted' as const,
    naturalKey: `test/${number++}`,
    at: new Date(),
    data: { rotation: 'ROT-1', number },
    ...event,
  }))
  await db.transaction().execute((trx) => putWebhookEvents(trx, organisationId, events))
}

/** Sends what is due now, and waits for it. */
export async function deliverDue(db: Db, sender: WebhookSender, reached?: WebhookMilestone): Promise<void> {
  while (await startDueWebhooks(db, sender, log, reached)) await finishWebhooks(sender)
}

/** Lets the waits, leases and pauses that are under way be over. */
export async function letTimePass(db: Db): Promise<void> {
  const past = sql<Date>`clock_timestamp() - interval '1 second'`
  const open = db.updateTable('webhookDelivery').where('nextAttemptAt', 'is not', null)
  await open.set({ nextAttemptAt: past, heldUntil: null }).execute()
  await db.updateTable('webhookEndpoint').set({ pausedUntil: null }).execute()
}

export function deliveriesTo(db: Db, endpointId: string) {
  return db
    .selectFrom('webhookDelivery')
    .selectAll()
    .select(sql<number>`extract(epoch from next_attempt_at - clock_timestamp())::float8`.as('dueInSeconds'))
    .where('endpointId', '=', endpointId)
    .orderBy('id')
    .execute()
}

export async function deliveryTo(db: Db, endpointId: string) {
  const [delivery] = await deliveriesTo(db, endpointId)
  if (delivery === undefined) throw new Error('nothing is to be sent there')
  return delivery
}

export function attemptsOf(db: Db, deliveryId: string) {
  return db.selectFrom('webhookAttempt').selectAll().where('deliveryId', '=', deliveryId).orderBy('number').execute()
}

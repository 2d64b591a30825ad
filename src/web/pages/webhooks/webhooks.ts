import type { App } from '../../context.ts'
import { addWebhookDelivery } from './delivery.ts'
import { addWebhook } from './endpoint.ts'
import { addWebhookList } from './list.ts'
import { addWebhookSecret } from './secret.ts'

/** Everything about webhooks. */
export function addWebhooks(app: App): void {
  for (const add of [addWebhookList, addWebhookDelivery, addWebhookSecret, addWebhook]) add(app)
}

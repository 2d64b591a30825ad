import type { AuditPosition } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'
import { type putNotices, tellMembers } from '../../outbox/notices.ts'
import { putWebhookEvents, type WebhookData } from '../../outbox/webhooks.ts'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { keyInService } from '../../rules/text/words.ts'
import type { WebhookEventType } from '../../rules/webhooks/events.ts'

type KeyNotice = Extract<Parameters<typeof putNotices>[2]['notice'], `key_${string}` | 'dataset_created'>

export type ToldKey = {
  id: string
  serviceId: string
  organisationId: string
  kind: KeyKind
  name: string
  serviceName: string
  environment: Environment
}

type Told = { actor: PersonActor; at: Date; key: ToldKey; details?: string[]; path?: string }

/** Mails everybody who may view the key what was done to it, inside the transaction that does it. `position` makes it this deed and no other. */
export async function mailAboutKey(
  trx: Trx,
  notice: KeyNotice,
  { actor, at, key, details, path }: Told,
  position: AuditPosition,
): Promise<void> {
  await tellMembers(trx, key.organisationId, {
    notice,
    key: `${key.id}/${position.auditSequence}`,
    who: actor.name,
    about: keyInService({ ...key, service: key.serviceName }),
    ...(details === undefined ? {} : { details }),
    path: path ?? `/keys/${key.id}`,
    at,
  })
}

type KeyEvent = Extract<WebhookEventType, `key.${string}`>

/** Tells endpoints what was done to a key, once per audit entry. */
export async function sendKeyEvent(
  trx: Trx,
  type: KeyEvent,
  key: { id: string; serviceId: string; organisationId: string },
  at: Date,
  position: AuditPosition,
  more: WebhookData = {},
): Promise<void> {
  const data = { keyId: key.id, serviceId: key.serviceId, organisationId: key.organisationId, ...more }
  const naturalKey = `${type}/${key.organisationId}/${position.auditSequence}`
  await putWebhookEvents(trx, key.organisationId, [{ type, naturalKey, at, data }])
}

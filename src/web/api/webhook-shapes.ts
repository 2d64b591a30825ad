import { z } from 'zod'
import { DELIVERY_STATUSES } from '../../database/webhooks/deliveries.ts'
import { WEBHOOK_EVENT_TYPES } from '../../rules/webhooks/events.ts'
import { time } from './shapes.ts'

export const eventType = z.enum(WEBHOOK_EVENT_TYPES, 'Choose a type of the list.')

const secret = z
  .string()
  .nullable()
  .meta({ description: 'Signs as Standard Webhooks says; shown this once, null in a replay.', example: 'whsec_…' })

export const newWebhookEndpoint = z.object({ id: z.string(), secret }).meta({ id: 'NewWebhookEndpoint' })
export const newWebhookSecret = z
  .object({ secret, oldSecretEndsAt: time.meta({ description: 'Until then the old secret signs as well.' }) })
  .meta({ id: 'NewWebhookSecret' })

export const webhookEndpoint = z
  .object({
    id: z.string(),
    url: z.string(),
    events: z.array(eventType).meta({ description: 'Empty: every event.' }),
    createdAt: time,
    createdBy: z.object({ id: z.string(), name: z.string() }),
    oldSecretEndsAt: time.nullable().meta({ description: 'While a secret is replaced: until when the old one signs.' }),
    pausedUntil: time.nullable().meta({ description: 'It asked for a pause with Retry-After.' }),
    switchedOffAt: time.nullable().meta({ description: 'It said 410, or nothing arrived there for days.' }),
    switchedOffBecause: z.string().nullable(),
    lastDeliveredAt: time.nullable(),
  })
  .meta({ id: 'WebhookEndpoint' })

export const webhookDelivery = z
  .object({
    id: z.string(),
    eventId: z.string().meta({ description: 'The webhook-id of every attempt.' }),
    type: z.string(),
    rotation: z.string().nullable().meta({ description: 'The rotation that it tells of.', example: 'ROT-1042' }),
    status: z.enum(DELIVERY_STATUSES),
    createdAt: time,
    attempts: z.int(),
    nextAttemptAt: time.nullable(),
    deliveredAt: time.nullable(),
    lastStatus: z.int().nullable().meta({ description: 'What the last attempt was answered with.' }),
    lastError: z.string().nullable(),
  })
  .meta({ id: 'WebhookDelivery' })

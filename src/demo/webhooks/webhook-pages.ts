import { z } from 'zod'
import { signWebhook } from '../../secrets/webhooks.ts'
import type { App } from '../../web/context.ts'
import { showPage } from '../../web/shown/page.ts'
import { shownTime } from '../../web/shown/times.ts'
import type { ReceivedCall, Receiver } from './receiver.ts'

const event = z.object({ type: z.string(), data: z.looseObject({ rotation: z.string().optional() }) })

/** What any library of the standard does: compares each signature with one of its own. */
function isSigned({ id, timestamp, body, signature }: ReceivedCall, secret: string): boolean {
  return signature.split(' ').includes(signWebhook([secret], { id, timestamp, body }))
}

function shownCall(call: ReceivedCall, secret: string) {
  const { type, data } = event.parse(JSON.parse(call.body))
  return { id: call.id, type, rotation: data.rotation ?? null, signed: isSigned(call, secret), body: call.body }
}

/** The webhooks that arrived at the sample customer's program: as a page for people, as JSON for scripts. */
export function addWebhookPages(app: App, receiver: Receiver, secret: string): void {
  const calls = () => receiver.calls().map((call) => ({ ...shownCall(call, secret), receivedAt: call.receivedAt }))
  app.get('/demo/webhooks', (c) =>
    showPage(c, 'demo-webhooks', {
      title: 'Webhooks that arrived',
      calls: calls().map(({ receivedAt, ...call }) => ({ ...call, receivedAt: shownTime(receivedAt, 'UTC') })),
    }),
  )
  app.get('/demo/webhooks.json', (c) => c.json(calls()))
}

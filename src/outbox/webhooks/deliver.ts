import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from '../../database/connect.ts'
import {
  claimDueDeliveries,
  type DeliveryClaim,
  endOrphans,
  findSigningSecrets,
  markDelivered,
  markFailed,
  pauseEndpoint,
} from '../../database/webhooks/queue.ts'
import { errorFields, type Log } from '../../log.ts'
import { nextAttemptInSeconds, pauseSeconds, readRetryAfter } from '../../rules/webhooks/schedule.ts'
import type { Sealer } from '../../secrets/sealing.ts'
import { signWebhook, webhookSeal } from '../../secrets/webhooks.ts'
import type { AddressCheck } from './addresses.ts'
import { type Caller, type CallResult, callEndpoint } from './call.ts'
import { isSilent, switchOff } from './switch-off.ts'

/** Calls under way at once in one worker, and of them to one endpoint: a slow one takes no more than these few. */
const AT_ONCE = 32
const AT_ONCE_PER_ENDPOINT = 4
const CALL_MILLISECONDS = 5_000
/** Longer than a call and writing down how it went. */
const LEASE_SECONDS = 30
const WAITS_FOR_DATABASE_MILLISECONDS = [100, 400, 1_600, 6_400]
const GONE = 410
/** While calls are under way, what has come due meanwhile is looked for this often. */
const LOOK_AGAIN_MILLISECONDS = 100

/** The way to the endpoints, and what is under way on it. */
export type WebhookSender = {
  sealer: Sealer
  caller: Caller
  /** How many calls are under way to each endpoint. */
  busy: Map<string, number>
  underWay: Set<Promise<void>>
  /** Breaks off what is under way. */
  close(): void
}

/** `ca` takes the place of the usual certificate authorities. */
export function openWebhooks(settings: { sealer: Sealer; check: AddressCheck; ca?: string }): WebhookSender {
  const { sealer, check, ca } = settings
  const stopping = new AbortController()
  const caller = { check, ca, milliseconds: CALL_MILLISECONDS, stopped: stopping.signal }
  return { sealer, caller, busy: new Map(), underWay: new Set(), close: () => stopping.abort() }
}

/** Called at named points of a delivery, so that whoever runs it can count or stop there. */
export type WebhookMilestone = (name: 'webhook.claimed' | 'webhook.answered') => void | Promise<void>

type Delivery = { db: Db; sender: WebhookSender; log: Log; reached: WebhookMilestone }
type Attempt = { at: Date; status: number | null; milliseconds: number; error: string | null }

async function openSecrets({ db, sender }: Delivery, endpointId: string): Promise<string[]> {
  const rows = await findSigningSecrets(db, endpointId)
  const opened = rows.map(({ id, sealed, sealedKeyId }) =>
    sender.sealer.open({ sealed, keyId: sealedKeyId }, webhookSeal(endpointId, id)),
  )
  return opened.filter((secret) => secret !== null)
}

async function call(delivery: Delivery, { eventId, endpointId, url, body }: DeliveryClaim): Promise<CallResult> {
  const secrets = await openSecrets(delivery, endpointId)
  if (secrets.length === 0) {
    return { status: null, retryAfter: undefined, error: 'Its secret can’t be opened with the keys this desk holds.' }
  }
  const timestamp = Math.floor(Date.now() / 1000)
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Rekey',
    'webhook-id': eventId,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signWebhook(secrets, { id: eventId, timestamp, body }),
  }
  return callEndpoint(delivery.sender.caller, { url, headers, body })
}

function isAccepted(status: number | null): boolean {
  return status !== null && status >= 200 && status < 300
}

async function recordFailure({ db }: Delivery, claim: DeliveryClaim, attempt: Attempt, asked: number | null) {
  if (attempt.status === GONE) {
    await markFailed(db, claim, attempt, null)
    await switchOff(db, claim.endpointId, 'It answered that it is gone (410).')
    return
  }
  const pause = pauseSeconds(asked)
  if (pause !== null) await pauseEndpoint(db, claim.endpointId, pause)
  const next = nextAttemptInSeconds(claim.attempts - claim.replayedAfter, Math.random(), asked)
  await markFailed(db, claim, attempt, next)
  if (next === null && (await isSilent(db, claim.endpointId))) {
    await switchOff(db, claim.endpointId, 'Nothing arrived there for days.')
  }
}

/** The endpoint has it, or has not, so the row has to say so even when the database is away for a moment. */
async function insist({ log }: Delivery, { id }: DeliveryClaim, write: () => Promise<void>): Promise<void> {
  for (const wait of WAITS_FOR_DATABASE_MILLISECONDS) {
    try {
      return await write()
    } catch (error) {
      log.warn({ event: 'webhook.not_marked', webhook: id, ...errorFields(error) })
      await sleep(wait)
    }
  }
  await write()
}

function errorOf({ status, error }: CallResult): string | null {
  return isAccepted(status) ? null : (error ?? `It answered ${status}.`)
}

/** Makes one claimed attempt outside any transaction and writes down how it went. */
async function deliver(delivery: Delivery, claim: DeliveryClaim): Promise<void> {
  const { db, log, reached } = delivery
  await reached('webhook.claimed')
  const at = new Date()
  const start = performance.now()
  const result = await call(delivery, claim)
  await reached('webhook.answered')
  const milliseconds = Math.round(performance.now() - start)
  const attempt = { at, status: result.status, milliseconds, error: errorOf(result) }
  const accepted = isAccepted(result.status)
  const asked = readRetryAfter(result.retryAfter, new Date())
  await insist(delivery, claim, () =>
    accepted ? markDelivered(db, claim, attempt) : recordFailure(delivery, claim, attempt, asked),
  )
  const fields = { webhook: claim.id, attempts: claim.attempts, milliseconds }
  log.info({ event: accepted ? 'webhook.delivered' : 'webhook.failed', ...fields, error: attempt.error ?? undefined })
}

/** Keeps count of a call until it is over. What goes wrong with the database leaves the delivery to its lease. */
function follow({ sender, log }: Delivery, { id, endpointId }: DeliveryClaim, delivering: Promise<void>): void {
  const { busy, underWay } = sender
  busy.set(endpointId, (busy.get(endpointId) ?? 0) + 1)
  const over = delivering
    .catch((error: unknown) => log.error({ event: 'webhook.left', webhook: id, ...errorFields(error) }))
    .finally(() => {
      const rest = (busy.get(endpointId) ?? 1) - 1
      if (rest === 0) busy.delete(endpointId)
      else busy.set(endpointId, rest)
      underWay.delete(over)
    })
  underWay.add(over)
}

async function startDue(delivery: Delivery): Promise<number> {
  const { db, sender } = delivery
  const count = AT_ONCE - sender.underWay.size
  if (count <= 0) return 0
  const claims = await claimDueDeliveries(db, {
    count,
    perEndpoint: AT_ONCE_PER_ENDPOINT,
    except: [...sender.busy.keys()],
    leaseSeconds: LEASE_SECONDS,
  })
  if (claims.length === 0) await endOrphans(db)
  for (const claim of claims) follow(delivery, claim, deliver(delivery, claim))
  return claims.length
}

/**
 * Starts sending what is due, and doesn't wait for it: a slow endpoint holds up its own deliveries alone. False when there was nothing to
 * start and nothing is under way. Each delivery is claimed with a lease, sent, and then marked, so one whose carrier dies is due again
 * within half a minute, under the same `webhook-id`: receivers get every event at least once. Any number of workers may do so side by side.
 */
export async function startDueWebhooks(
  db: Db,
  sender: WebhookSender,
  log: Log,
  reached: WebhookMilestone = () => {},
): Promise<boolean> {
  if ((await startDue({ db, sender, log, reached })) > 0) return true
  if (sender.underWay.size === 0) return false
  // a call that ends makes room for the endpoint's next
  await Promise.race([...sender.underWay, sleep(LOOK_AGAIN_MILLISECONDS)])
  return true
}

/** Waits until nothing is under way. */
export async function finishWebhooks({ underWay }: WebhookSender): Promise<void> {
  while (underWay.size > 0) await Promise.all(underWay)
}

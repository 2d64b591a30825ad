import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { isIP } from 'node:net'
import { scrub } from '../../log.ts'
import { Refusal } from '../../rules/refusals.ts'
import { oneLine } from '../../rules/text/foreign-text.ts'
import type { AddressCheck, Checked } from './addresses.ts'

const MAX_ANSWER_BYTES = 65_536
const MAX_WORDS = 200

export type Call = { url: string; headers: Readonly<Record<string, string>>; body: string }
/** The status that the endpoint answered with, or in `error` why there is none. */
export type CallResult = { status: number | null; retryAfter: string | undefined; error: string | null }

export type Caller = {
  check: AddressCheck
  /** All of a call: look-up, connection, answer. */
  milliseconds: number
  /** Certificates to trust beside the usual ones' place; the usual ones when left out. */
  ca?: string | undefined
  /** Breaks off every call. */
  stopped?: AbortSignal
}

// Agents of our own have no proxy, whatever the environment says, and keep no connection for another endpoint to come upon.
const HTTP = new HttpAgent({ keepAlive: false })
const HTTPS = new HttpsAgent({ keepAlive: false, maxCachedSessions: 0 })

/** Connects to the address that was checked; the host's name is for its certificate and the Host header alone. */
function open({ url, host, port, address, isAddress }: Checked, { ca }: Caller, { headers, body }: Call) {
  const options = {
    host: address,
    port,
    family: isIP(address),
    method: 'POST',
    path: url.pathname + url.search,
    headers: { ...headers, host: url.host, 'content-length': String(Buffer.byteLength(body)) },
  }
  if (url.protocol === 'http:') return requestHttp({ ...options, agent: HTTP })
  const servername = isAddress ? '' : host
  return requestHttps({ ...options, agent: HTTPS, servername, ...(ca === undefined ? {} : { ca }) })
}

/** Takes in what the endpoint says, so that it may finish, but no more than 64 KiB; nothing of it is kept. */
function drain(answer: IncomingMessage): void {
  let bytes = 0
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) answer.destroy()
  })
  answer.on('error', () => {})
}

/** Once the status is there it counts, however the rest of the answer ends. */
function send(target: Checked, caller: Caller, call: Call, signal: AbortSignal): Promise<CallResult> {
  return new Promise((resolve, reject) => {
    let result: CallResult | undefined
    const settle = (error: Error) => (result === undefined ? reject(error) : resolve(result))
    const sending = open(target, caller, call)
    const cut = () => sending.destroy(new Error('cut off'))
    if (signal.aborted) cut()
    signal.addEventListener('abort', cut, { once: true })
    sending.on('error', settle)
    sending.on('close', () => {
      signal.removeEventListener('abort', cut)
      settle(new Error('it closed the connection'))
    })
    sending.on('response', (answer) => {
      result = { status: answer.statusCode ?? null, retryAfter: answer.headers['retry-after'], error: null }
      drain(answer)
    })
    sending.end(call.body)
  })
}

const WORDS: Partial<Record<string, string>> = {
  ECONNREFUSED: 'it refused the connection',
  ECONNRESET: 'it closed the connection',
  EHOSTUNREACH: 'it can’t be reached',
  ENETUNREACH: 'it can’t be reached',
  EPROTO: 'it doesn’t speak TLS as it should',
  CERT_HAS_EXPIRED: 'its certificate has run out',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody known',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by nobody known',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by nobody known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by nobody known',
}

/** Why there was no answer, for the endpoint's owner. The system's own text may name addresses, so only its code is shown. */
function wordsOf(error: unknown, caller: Caller, signal: AbortSignal): string {
  if (error instanceof Refusal) return error.errors[0]?.message ?? error.message
  if (caller.stopped?.aborted) return 'The desk was stopped before there was an answer.'
  if (signal.aborted) return `No answer within ${caller.milliseconds / 1000} seconds.`
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const known = code === undefined ? undefined : (WORDS[code] ?? code)
  const words = known ?? (error instanceof Error ? error.message : 'something went wrong')
  return scrub(oneLine(`No answer: ${words}.`)).slice(0, MAX_WORDS)
}

/**
 * Posts to an endpoint: the address is checked now, whatever it was before, and connected to as it was checked. Redirects are answers
 * like any other. Never throws.
 */
export async function callEndpoint(caller: Caller, call: Call): Promise<CallResult> {
  const time = AbortSignal.timeout(caller.milliseconds)
  const signal = caller.stopped === undefined ? time : AbortSignal.any([time, caller.stopped])
  try {
    return await send(await caller.check(call.url, signal), caller, call, signal)
  } catch (error) {
    return { status: null, retryAfter: undefined, error: wordsOf(error, caller, signal) }
  }
}

import { lookup, Resolver } from 'node:dns/promises'
import { Refusal } from '../../rules/refusals.ts'
import { isPublicAddress, readWebhookUrl, type WebhookTarget } from '../../rules/webhooks/addresses.ts'

/** All addresses of a host, IPv4 first; none when the name is not known. Throws when it is cut off by `signal`. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<string[]>

/**
 * Asks the name servers directly: the system's own look-up would hold one of the process's four threads for as long as a stranger's
 * name server likes to be silent.
 */
async function resolvePublic(host: string, signal: AbortSignal): Promise<string[]> {
  const resolver = new Resolver({ timeout: 1_500, tries: 2 })
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    signal.throwIfAborted()
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** A host on the desk's own list may stand in the machine's hosts file. */
async function resolveOwn(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, order: 'ipv4first' }).catch(() => [])
  return found.map(({ address }) => address)
}

/** Some look-ups can't be cut off, only left behind. */
async function inTime<T>(found: Promise<T>, signal: AbortSignal): Promise<T> {
  const late = Promise.withResolvers<never>()
  const leave = () => late.reject(new Error('cut off'))
  if (signal.aborted) leave()
  signal.addEventListener('abort', leave, { once: true })
  try {
    return await Promise.race([found, late.promise])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

/** One address to connect to, which was looked at; whoever calls connects to it and to no other. */
export type Checked = WebhookTarget & { address: string }
export type AddressCheck = (url: string, signal: AbortSignal) => Promise<Checked>

function refused(message: string): Refusal {
  return new Refusal('ADDRESS_REFUSED', { errors: [{ pointer: '/url', message }] })
}

/**
 * Checks where a webhook would go. Resolves the host once and refuses ADDRESS_REFUSED when any of its addresses is not public, unless
 * `allowedHosts` names it. The words never tell an address: a name server of the desk's own may know more than the world does.
 */
export function createAddressCheck(allowedHosts: readonly string[], resolve?: Resolve): AddressCheck {
  return async (url, signal) => {
    const target = readWebhookUrl(url, allowedHosts)
    if (target === null) throw refused('Give a public https address, without a user name or password.')
    if (target.isAddress) return { ...target, address: target.host }
    const find = resolve ?? (target.isAllowed ? resolveOwn : resolvePublic)
    const addresses = await inTime(find(target.host, signal), signal)
    const [address] = addresses
    if (address === undefined) throw refused('The host’s name leads to no address.')
    if (!target.isAllowed && !addresses.every(isPublicAddress)) throw refused('The host is not on the public internet.')
    return { ...target, address }
  }
}

const LOOK_MILLISECONDS = 5_000

/** The check for an address that somebody types in: gives it as it is kept, in one notation. Refuses ADDRESS_REFUSED. */
export function createUrlCheck(check: AddressCheck): (url: string) => Promise<string> {
  return async (url) => {
    const signal = AbortSignal.timeout(LOOK_MILLISECONDS)
    try {
      return (await check(url, signal)).url.href
    } catch (error) {
      throw signal.aborted ? refused('The host’s name could not be looked up in time. Try again.') : error
    }
  }
}

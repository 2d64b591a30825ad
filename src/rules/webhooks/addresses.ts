import ipaddr from 'ipaddr.js'

const MAX_URL_LENGTH = 2_000
const HTTPS_PORT = 443
const FIRST_FREE_PORT = 1_024

// All that IPv6 has given out so far; what looks like a plain address outside of it is none.
const GIVEN_OUT = ipaddr.IPv6.parseCIDR('2000::/3')
// Looks public and is the way into Azure's own host.
const METADATA = ['168.63.129.16']

/** Four decimal numbers, or IPv6 without a zone. */
function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (ipaddr.IPv6.isValid(text) && !text.includes('%'))
}

/**
 * Whether an IP address lies on the public internet. Everything special is refused: private, loopback, link-local, unique-local, shared
 * (100.64.0.0/10), multicast, reserved and documentation ranges, and all that wraps an IPv4 address (mapped, compatible, NAT64, 6to4,
 * Teredo). A NAT64 with a prefix of its network's own can't be told from the outside.
 */
export function isPublicAddress(text: string): boolean {
  if (!isAddress(text)) return false
  const address = ipaddr.parse(text)
  if (address.range() !== 'unicast') return false
  if (address instanceof ipaddr.IPv6) return address.match(GIVEN_OUT)
  return !METADATA.includes(address.toString())
}

/** Where webhooks may go: the host without brackets, lower case; `isAllowed` when it is one that the desk's own list names. */
export type WebhookTarget = { url: URL; host: string; port: number; isAddress: boolean; isAllowed: boolean }

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? HTTPS_PORT : 80) : Number(url.port)
}

function isOnList(host: string, port: number, allowedHosts: readonly string[]): boolean {
  const shown = host.includes(':') ? `[${host}]` : host
  return allowedHosts.some((allowed) => [host, shown, `${shown}:${port}`].includes(allowed.toLowerCase()))
}

/** Names of one word, or with a dot at their end, are looked up differently by different programs. */
function isPlainName(host: string): boolean {
  return host.includes('.') && !host.endsWith('.')
}

/**
 * Reads where an endpoint lies, as far as its text tells; the notations of an IPv4 address (decimal, octal, hexadecimal, with parts left
 * out) are all read as the one address that they mean. Gives null unless it is https on port 443 or 1024 and above, of a public
 * address or a host's full name, without a user or password in it; for hosts on the desk's own list, http and every port and address are fine.
 */
export function readWebhookUrl(text: string, allowedHosts: readonly string[]): WebhookTarget | null {
  if (text.length > MAX_URL_LENGTH || !URL.canParse(text)) return null
  const url = new URL(text)
  const isHttps = url.protocol === 'https:'
  if (!isHttps && url.protocol !== 'http:') return null
  if (url.username !== '' || url.password !== '' || url.hostname === '') return null
  url.hash = ''
  const host = hostOf(url)
  const port = portOf(url)
  const target = { url, host, port, isAddress: isAddress(host), isAllowed: isOnList(host, port, allowedHosts) }
  if (target.isAllowed) return target
  if (!isHttps || (port !== HTTPS_PORT && port < FIRST_FREE_PORT)) return null
  return (target.isAddress ? isPublicAddress(host) : isPlainName(host)) ? target : null
}

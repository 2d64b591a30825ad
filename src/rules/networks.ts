import ipaddr from 'ipaddr.js'

/**
 * What limits count by: an IPv4 address (IPv4-mapped IPv6 included), or the /64 of an IPv6 address, since one household
 * holds a whole /64. Text that is no address counts as itself.
 */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address.slice(0, 64)
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const network = parsed.toByteArray().map((byte, i) => (i < 8 ? byte : 0))
  return `${ipaddr.fromByteArray(network).toString()}/64`
}

const PLAIN_IPV4 = /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.|$)){4}$/
const SOURCE_BITS = { ipv4: 24, ipv6: 64 } as const

/**
 * The network that a use of a key came from: the /24 of an IPv4 address (IPv4-mapped IPv6 included), the /64 of an IPv6 address, as
 * CIDR. Coarse enough that an office or a data centre is one, so that what is new about it means something. Null for what is no address.
 */
export function sourceNetworkOf(address: string): string | null {
  // Nearly all are plain IPv4, and every verify comes by here.
  if (PLAIN_IPV4.test(address)) return `${address.slice(0, address.lastIndexOf('.'))}.0/24`
  if (!ipaddr.isValid(address)) return null
  const parsed = ipaddr.process(address)
  const bits = SOURCE_BITS[parsed.kind()]
  const network = parsed.toByteArray().map((byte, i) => (i < bits / 8 ? byte : 0))
  return `${ipaddr.fromByteArray(network).toString()}/${bits}`
}

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

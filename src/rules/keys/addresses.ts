import ipaddr from 'ipaddr.js'

/** Whether the address lies in one of the ranges (single addresses or CIDR, IPv4 or IPv6). `::ffff:1.2.3.4` counts as `1.2.3.4`; what is no address lies in none. */
export function ipInRanges(ip: string, ranges: readonly string[]): boolean {
  if (!ipaddr.isValid(ip)) return false
  const address = ipaddr.process(ip)
  return ranges.some((range) => {
    const [base, bits] = range.includes('/') ? ipaddr.parseCIDR(range) : single(range)
    return address.kind() === base.kind() && address.match(base, bits)
  })
}

function single(range: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const address = ipaddr.process(range)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

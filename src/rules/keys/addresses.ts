import ipaddr from 'ipaddr.js'

/** IPv6 with its end written as IPv4, in groups alone: the parser takes `::192.0.2.1`, which is no mapped address, for one. */
function inGroups(text: string): string {
  const [, start = '', end = ''] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text) ?? []
  if (!ipaddr.IPv4.isValidFourPartDecimal(end)) return text
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(end).toByteArray()
  return `${start}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

/** Whether the address lies in one of the ranges (single addresses or CIDR, IPv4 or IPv6). `::ffff:1.2.3.4` counts as `1.2.3.4`; what is no address lies in none. */
export function ipInRanges(ip: string, ranges: readonly string[]): boolean {
  const text = inGroups(ip)
  if (!isAddress(text)) return false
  const address = ipaddr.process(text)
  return ranges.some((range) => {
    const [base, bits] = range.includes('/') ? ipaddr.parseCIDR(range) : single(range)
    return address.kind() === base.kind() && address.match(base, bits)
  })
}

function single(range: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const address = ipaddr.process(range)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

/** Whether every range lies within one of `outer`; without any in `outer` all do, and no range at all means anywhere. Both as `cleanRanges` gives them. */
export function rangesWithin(ranges: readonly string[], outer: readonly string[]): boolean {
  if (outer.length === 0) return true
  const within = (range: string) => {
    const [address, bits] = range.includes('/') ? ipaddr.parseCIDR(range) : single(range)
    return outer.some((each) => {
      const [base, width] = each.includes('/') ? ipaddr.parseCIDR(each) : single(each)
      return address.kind() === base.kind() && bits >= width && address.match(base, width)
    })
  }
  return ranges.length > 0 && ranges.every(within)
}

/** A range wider than this is no limit. */
const WIDEST_BITS = { ipv4: 8, ipv6: 16 } as const
const MAX_RANGES = 20

function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(':') && ipaddr.IPv6.isValid(text))
}

/** `::ffff:192.0.2.0/120` is `192.0.2.0/24` written in another way, and no address is matched as anything but IPv4 there. */
function unmapped(address: string, bits: string): string {
  const plain = ipaddr.process(address)
  return plain.kind() === ipaddr.parse(address).kind()
    ? `${address}/${bits}`
    : `${plain.toString()}/${Number(bits) - 96}`
}

function normalRange(given: string): string | null {
  const [start = '', bits, ...more] = given.split('/')
  const address = inGroups(start)
  // a zone (`%eth0`) means something on one machine alone
  if (!isAddress(address) || address.includes('%') || more.length > 0) return null
  if (bits === undefined) return ipaddr.process(address).toString()
  if (!ipaddr.isValidCIDR(`${address}/${bits}`)) return null
  const text = unmapped(address, bits)
  if (!ipaddr.isValidCIDR(text)) return null
  const [base, length] = ipaddr.parseCIDR(text)
  if (length < WIDEST_BITS[base.kind()]) return null
  const network = base.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6
  return `${network.networkAddressFromCIDR(text).toString()}/${length}`
}

/**
 * Address ranges in one way of writing them, each once: addresses or CIDR, IPv4 or IPv6. Or what is wrong with them, as a
 * sentence: no address, wider than /8 (IPv6: /16), or more than 20.
 */
export function cleanRanges(texts: readonly string[]): { ranges: string[] } | { problem: string } {
  const ranges: string[] = []
  for (const text of texts.map((text) => text.trim())) {
    const range = normalRange(text)
    if (range === null)
      return {
        problem: `“${text.slice(0, 64)}” is no address or range, or too wide. Write 203.0.113.7 or 203.0.113.0/24.`,
      }
    if (!ranges.includes(range)) ranges.push(range)
  }
  return ranges.length > MAX_RANGES ? { problem: `Give at most ${MAX_RANGES} ranges.` } : { ranges }
}

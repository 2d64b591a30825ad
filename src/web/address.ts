import { createMiddleware } from 'hono/factory'
import ipaddr from 'ipaddr.js'
import { ipInRanges } from '../rules/keys/addresses.ts'
import type { Web } from './context.ts'

const NOWHERE = '0.0.0.0'

/** One way to write an address; `::ffff:1.2.3.4` is `1.2.3.4`. Null when it is none. */
function normal(text: string): string | null {
  const bare = text.trim().replace(/^\[(.*)\](:\d+)?$/, '$1')
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : null
}

/**
 * Where a call comes from: the peer, or, behind trusted proxies, the right-most hop in X-Forwarded-For that is none of
 * them. What stands further left was written by whoever liked to.
 */
function clientAddress(peer: string | undefined, forwardedFor: string, trusted: readonly string[]): string {
  let current = normal(peer ?? '') ?? NOWHERE
  for (const hop of forwardedFor.split(',').toReversed()) {
    if (!ipInRanges(current, trusted)) return current
    const next = normal(hop)
    if (next === null) return current
    current = next
  }
  return current
}

export const findAddress = createMiddleware<Web>(async (c, next) => {
  const forwardedFor = c.req.header('x-forwarded-for') ?? ''
  const peer = c.env?.incoming?.socket.remoteAddress
  c.set('address', clientAddress(peer, forwardedFor, c.get('desk').config.trustedProxies))
  return next()
})

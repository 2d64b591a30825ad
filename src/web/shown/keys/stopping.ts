import type { KeyView } from '../../../database/keys/services.ts'
import { howLongAgo, shownTimeOrNull } from '../times.ts'

/** The versions of a key that would stop, each with its last use, so that nobody stops what is in use without knowing. */
export function stoppingVersions(key: KeyView, timeZone: string) {
  const now = new Date()
  return key.versions
    .filter(({ accepted }) => accepted)
    .map(({ last4, lastUsedAt, lastNetwork }) => ({
      last4,
      useText: lastUsedAt === null ? 'not seen in use.' : `last used ${howLongAgo(lastUsedAt, now)},`,
      lastUsed: shownTimeOrNull(lastUsedAt, timeZone),
      network: lastNetwork,
    }))
}

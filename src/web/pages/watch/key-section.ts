import type { KeyView, ServiceView } from '../../../database/keys/services.ts'
import { findKeyUse } from '../../../database/watch/key-use.ts'
import { findSuspicions } from '../../../database/watch/suspicions.ts'
import { roleMay } from '../../../rules/permissions.ts'
import { count, PERMISSION_WORDS } from '../../../rules/text/words.ts'
import { bearerOf, type WebContext } from '../../context.ts'
import { shownTime } from '../../shown/times.ts'
import { suspicionFacts } from '../../shown/watch/suspicion.ts'

const REFUSAL_WORDS: Readonly<Record<string, string>> = {
  REVOKED: 'with a revoked version',
  ROLLED_BACK: 'with a version that was rolled back',
  EXPIRED: 'with a version that has ended',
  NOT_YET_ACTIVE: 'before the key worked',
  DISABLED: 'while the key was disabled',
  IP_NOT_ALLOWED: 'from an address that is not allowed',
  PERMISSION_DENIED: 'for more than the key may do',
  DATASET_DENIED: 'for a dataset that is not the key’s',
}
const SHOWN_SUSPICIONS = 5

async function findOpenSuspicions(c: WebContext, key: KeyView) {
  const { actor, timeZone } = bearerOf(c)
  if (!roleMay(actor.role, 'suspicions.view')) return []
  const page = await findSuspicions(c.get('desk').db, actor, { keyId: key.id, open: true, limit: SHOWN_SUSPICIONS })
  return page.items.map((suspicion) => suspicionFacts(suspicion, actor.role, timeZone))
}

/** How a key is used, on its page: from which networks, for what, what was refused, and what of it is suspicious. */
export async function useSection(c: WebContext, { key }: { key: KeyView; service: ServiceView }) {
  const { timeZone } = bearerOf(c)
  const { networks, networkCount, permissions, refused } = await findKeyUse(c.get('desk').db, key.id)
  return {
    use: {
      suspicions: await findOpenSuspicions(c, key),
      known: networks.length + permissions.length + refused.length > 0,
      networks: networks.map(({ network, firstUsedAt, lastUsedAt }) => {
        return { network, first: shownTime(firstUsedAt, timeZone), last: shownTime(lastUsedAt, timeZone) }
      }),
      more: networkCount > networks.length ? count(networkCount - networks.length, 'further network') : null,
      permissions: permissions.map(({ permission, lastUsedAt }) => {
        return { word: PERMISSION_WORDS[permission], last: shownTime(lastUsedAt, timeZone) }
      }),
      refused: refused.map(({ code, count: number, lastAt }) => {
        return { times: count(number, 'call'), word: REFUSAL_WORDS[code] ?? code, last: shownTime(lastAt, timeZone) }
      }),
    },
  }
}

import { findDependants } from '../../../database/dependants/dependants.ts'
import type { Occasion } from '../../../rules/keys/dependants.ts'
import type { WebContext } from '../../context.ts'
import { type ShownFates, shownFates } from '../../shown/dependants.ts'

/** What becomes of what depends on these keys, for a page that asks before something is done to them; null when nothing does. */
export async function findFates(
  c: WebContext,
  keys: readonly { id: string; label?: string }[],
  occasion: Occasion,
): Promise<ShownFates> {
  const dependants = await findDependants(
    c.get('desk').db,
    keys.map(({ id }) => id),
  )
  return shownFates(dependants, keys, occasion)
}

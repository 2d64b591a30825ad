import { findDependants } from '../../../database/dependants/dependants.ts'
import type { KeyView } from '../../../database/keys/services.ts'
import { roleMay } from '../../../rules/permissions.ts'
import { bearerOf, type WebContext } from '../../context.ts'
import { dependantRow } from '../../shown/dependants.ts'

/** What depends on a key, for its page: the list for all who may see the key, and where to change it for those who may. */
export async function dependantSection(c: WebContext, { key }: { key: KeyView }) {
  const rows = (await findDependants(c.get('desk').db, [key.id])).map(dependantRow)
  const mayManage = roleMay(bearerOf(c).actor.role, 'dependants.manage')
  return { dependants: { rows, href: mayManage ? `/keys/${key.id}/dependants` : null } }
}

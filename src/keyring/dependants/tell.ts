import type { Trx } from '../../database/connect.ts'
import type { NamedKey } from '../../database/dependants/dependants.ts'
import { findOwners } from '../../database/people/owners.ts'
import { putNotices } from '../../outbox/notices.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { keyInService } from '../../rules/text/words.ts'

/**
 * Tells the owners that what depends on a key was changed: once an hour and key, however much is changed in it, since a script may register
 * a hundred things and the page tells them all.
 */
export async function tellOfDependants(trx: Trx, actor: PersonActor, key: NamedKey, at: Date): Promise<void> {
  const owners = await findOwners(trx, key.organisationId)
  const readers = owners.map((owner) => ({ ...owner, why: `you are an owner of ${key.organisation}` }))
  const about = keyInService(key)
  await putNotices(trx, readers, {
    notice: 'dependant_changed',
    key: `${key.id}/${at.toISOString().slice(0, 13)}`,
    organisation: key.organisation,
    who: actor.name,
    about,
    path: `/keys/${key.id}/dependants`,
    at,
  })
}

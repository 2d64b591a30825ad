import type { Trx } from '../../database/connect.ts'
import type { NamedKey } from '../../database/dependants/dependants.ts'
import { tellOwners } from '../../outbox/notices.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { keyInService } from '../../rules/text/words.ts'

/**
 * Tells the owners that what depends on a key was changed: once an hour and key, however much is changed in it, since a script may register
 * a hundred things and the page tells them all.
 */
export async function tellOfDependants(trx: Trx, actor: PersonActor, key: NamedKey, at: Date): Promise<void> {
  await tellOwners(trx, key.organisationId, {
    notice: 'dependant_changed',
    key: `${key.id}/${at.toISOString().slice(0, 13)}`,
    who: actor.name,
    about: keyInService(key),
    path: `/keys/${key.id}/dependants`,
    at,
  })
}

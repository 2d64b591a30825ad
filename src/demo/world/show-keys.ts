import { createKey } from '../../keyring/keys/create.ts'
import { createDataset } from '../../keyring/keys/create-dataset.ts'
import { setKeyEnabled } from '../../keyring/keys/switch.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { DAY_SECONDS } from '../../rules/rotations/overlap.ts'
import type { Foundation } from '../../start.ts'

/** Keys that an owner made: one with its dataset, one that may do and last little, and one that is disabled. */
export async function showKeys({ db, maker }: Foundation, owner: PersonActor): Promise<void> {
  const service = db.selectFrom('service').select('id').where('organisationId', '=', owner.organisationId)
  const { id } = await service.where('name', '=', 'Newsletter').executeTakeFirstOrThrow()
  const dataset = await createDataset(db, maker, owner, { serviceId: id, name: 'subscribers' })
  await createKey(db, maker, owner, id, {
    kind: 'auth',
    name: 'Nightly export',
    description: 'Reads the subscribers for the data warehouse.',
    permission: 'read_only',
    ipRanges: ['203.0.113.0/24', '2001:db8:40::/48'],
    datasets: ['subscribers'],
    expiresAt: new Date(Date.now() + 180 * DAY_SECONDS * 1000),
  })
  await setKeyEnabled(db, owner, dataset.keyId, false)
}

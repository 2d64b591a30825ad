import { findRotation } from '../../database/rotations/views.ts'
import { addDependant } from '../../keyring/dependants/add.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import type { Foundation } from '../../start.ts'

/** Registers what depends on the first key of a rotation, among it a KMS, of which the new key makes a task. */
export async function bindToFirstKey({ db }: Foundation, owner: PersonActor, ref: string): Promise<void> {
  const keyId = (await findRotation(db, owner, ref))?.items[0]?.keyId ?? ''
  await addDependant(db, owner, keyId, { type: 'virtual_account', name: 'Customer funds EUR' })
  await addDependant(db, owner, keyId, { type: 'notification', name: 'Incoming payment' })
  await addDependant(db, owner, keyId, { type: 'kms', name: 'Signing daemon' })
}

import type { Db } from '../../../src/database/connect.ts'
import { versionBinding } from '../../../src/keyring/make-version.ts'
import type { Sealer } from '../../../src/secrets/sealing.ts'

/** The text of a key's newest version that nobody has picked up: what its owner would be shown. */
export async function sealedSecret(
  db: Db,
  sealer: Sealer,
  keyId: string,
): Promise<{ versionId: string; text: string }> {
  const version = await db
    .selectFrom('version')
    .selectAll()
    .where('keyId', '=', keyId)
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  const { id, organisationId, sealed, sealedKeyId } = version
  if (sealed === null || sealedKeyId === null) throw new Error('that version was picked up')
  const text = sealer.open({ sealed, keyId: sealedKeyId }, versionBinding(organisationId, keyId, id))
  if (text === null) throw new Error('that version does not open')
  return { versionId: id, text }
}

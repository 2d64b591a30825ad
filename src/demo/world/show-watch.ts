import type { Db } from '../../database/connect.ts'
import { addRefusedUses, mergePermissions, mergeUses } from '../../database/watch/merge.ts'
import { weighNextUse } from '../../keyring/watch/weigh.ts'
import type { PersonActor } from '../../rules/permissions.ts'

async function findVersions(db: Db, owner: PersonActor, serviceName: string) {
  return db
    .selectFrom('version')
    .innerJoin('key', 'key.id', 'version.keyId')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .select(['version.id', 'version.keyId', 'version.revokedAt'])
    .where('service.organisationId', '=', owner.organisationId)
    .where('service.name', '=', serviceName)
    .where('key.kind', '=', 'auth')
    .orderBy('version.createdAt')
    .execute()
}

/** What gateways would have told: somebody still calls with a revoked key, and another key only ever reads. */
export async function showWatch(db: Db, owner: PersonActor): Promise<void> {
  const at = new Date()
  const minute = new Date(Math.floor(at.getTime() / 60_000) * 60_000)
  const revoked = (await findVersions(db, owner, 'Fraud scoring')).find(({ revokedAt }) => revokedAt !== null)
  const [reader] = await findVersions(db, owner, 'Statements')
  if (revoked === undefined || reader === undefined) throw new Error('a version of the show is missing')
  await addRefusedUses(db, [{ versionId: revoked.id, code: 'REVOKED', network: '198.51.100.0/24', minute, count: 12 }])
  while (await weighNextUse(db));
  await mergeUses(db, [{ versionId: reader.id, firstUsedAt: at, lastUsedAt: at, lastNetwork: '203.0.113.7' }])
  await mergePermissions(db, [{ keyId: reader.keyId, permission: 'read_only', lastUsedAt: at }])
}

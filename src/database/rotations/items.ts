import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import type { ItemStatus } from '../../rules/rotations/rotation-lifecycle.ts'
import type { Db } from '../connect.ts'
import { findVersions, type VersionView } from '../keys/versions.ts'

/** One key of a rotation as people see it. */
export type ItemView = {
  id: string
  rotationRef: string
  serviceId: string
  serviceName: string
  environment: Environment
  keyId: string
  keyName: string
  kind: KeyKind
  status: ItemStatus
  oldVersionId: string | null
  newVersionId: string | null
  oldVersion: VersionView | null
  newVersion: VersionView | null
  generatedAt: Date | null
  overlapEndsAt: Date | null
  problem: string | null
}

/** The items of rotations, in their order, each with both versions; before the execution the old one is the key's newest. */
export async function findItemViews(db: Db, refs: readonly string[]): Promise<ItemView[]> {
  const rows = await db
    .selectFrom('item')
    .innerJoin('service', 'service.id', 'item.serviceId')
    .innerJoin('key', 'key.id', 'item.keyId')
    .select(['item.id', 'item.rotationRef', 'item.serviceId', 'service.name as serviceName', 'service.environment'])
    .select(['item.keyId', 'key.name as keyName', 'item.kind', 'item.status', 'item.oldVersionId', 'item.newVersionId'])
    .select(['item.generatedAt', 'item.overlapEndsAt', 'item.problem'])
    .select((is) =>
      is
        .selectFrom('version')
        .select('version.id')
        .whereRef('version.keyId', '=', 'item.keyId')
        .orderBy('version.createdAt', 'desc')
        .orderBy('version.id', 'desc')
        .limit(1)
        .as('newestVersionId'),
    )
    .where('item.rotationRef', 'in', refs)
    .orderBy('item.rotationRef')
    .orderBy('item.position')
    .execute()
  const wanted = rows.flatMap((row) => [row.oldVersionId ?? row.newestVersionId, row.newVersionId])
  const found = await findVersions(
    db,
    'id',
    wanted.filter((id) => id !== null),
  )
  const versions = new Map(found.map((version) => [version.id, version]))
  return rows.map(({ newestVersionId, ...row }) => ({
    ...row,
    oldVersion: versions.get(row.oldVersionId ?? (row.status === 'pending' ? newestVersionId : null) ?? '') ?? null,
    newVersion: versions.get(row.newVersionId ?? '') ?? null,
  }))
}

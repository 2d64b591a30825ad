import { sql } from 'kysely'
import type { Permission } from '../../rules/keys/verdict.ts'
import type { Db } from '../connect.ts'

/** What is known of the use of a key in the last 90 days, over all its versions. */
export type KeyUseView = {
  /** The latest first, at most ten. */
  networks: { network: string; firstUsedAt: Date; lastUsedAt: Date }[]
  networkCount: number
  permissions: { permission: Permission; lastUsedAt: Date }[]
  refused: { code: string; count: number; lastAt: Date }[]
}

const SHOWN_NETWORKS = 10

/** How a key was used, as gateways told. */
export async function findKeyUse(db: Db, keyId: string): Promise<KeyUseView> {
  const versions = db.selectFrom('version').select('id').where('keyId', '=', keyId)
  const networks = await db
    .selectFrom('versionNetwork')
    .select(['network', sql<string>`count(*) over ()`.as('all')])
    .select((is) => [is.fn.min('firstUsedAt').as('firstUsedAt'), is.fn.max('lastUsedAt').as('lastUsedAt')])
    .where('versionId', 'in', versions)
    .groupBy('network')
    .orderBy('lastUsedAt', 'desc')
    .limit(SHOWN_NETWORKS)
    .execute()
  const refused = await db
    .selectFrom('refusedUse')
    .select(['code', sql<string>`sum(count)`.as('count'), (is) => is.fn.max('minute').as('lastAt')])
    .where('versionId', 'in', versions)
    .groupBy('code')
    .orderBy('lastAt', 'desc')
    .execute()
  return {
    networks: networks.map(({ all: _all, ...network }) => network),
    networkCount: Number(networks[0]?.all ?? 0),
    permissions: await db
      .selectFrom('permissionUse')
      .select(['permission', 'lastUsedAt'])
      .where('keyId', '=', keyId)
      .orderBy('lastUsedAt', 'desc')
      .execute(),
    refused: refused.map((row) => ({ ...row, count: Number(row.count) })),
  }
}

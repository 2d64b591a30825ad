import type { Db } from '../connect.ts'
import { decodeCursor, ID, type Page, toPage } from '../cursor.ts'

export type GatewayView = {
  id: string
  name: string
  last4: string
  /** Null when it is bound to all services. */
  serviceIds: string[] | null
  createdAt: Date
  revokedAt: Date | null
}

/** A page of the gateways, revoked ones too, in the order they were made; never a token. */
export async function findGateways(
  db: Db,
  filter: { cursor?: string | undefined; limit: number },
): Promise<Page<GatewayView>> {
  const [after = ''] = filter.cursor === undefined ? [] : decodeCursor(filter.cursor, [ID])
  const rows = await db
    .selectFrom('gateway')
    .select(['id', 'name', 'last4', 'allServices', 'createdAt', 'revokedAt'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(filter.limit + 1)
    .execute()
  const page = toPage(rows, filter.limit, (row) => [row.id])
  const ids = page.items.map((row) => row.id)
  const bindings =
    ids.length === 0 ? [] : await db.selectFrom('gatewayService').selectAll().where('gatewayId', 'in', ids).execute()
  const items = page.items.map(({ allServices, ...row }) => ({
    ...row,
    serviceIds: allServices
      ? null
      : bindings.filter((binding) => binding.gatewayId === row.id).map((binding) => binding.serviceId),
  }))
  return { items, nextCursor: page.nextCursor }
}

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

function selectGateways(db: Db) {
  return db.selectFrom('gateway').select(['id', 'name', 'last4', 'allServices', 'createdAt', 'revokedAt'])
}

type Row = Omit<GatewayView, 'serviceIds'> & { allServices: boolean }

/** Completes rows with the services they are bound to, one statement for any number of rows. */
async function complete(db: Db, rows: readonly Row[]): Promise<GatewayView[]> {
  const ids = rows.map((row) => row.id)
  const bindings =
    ids.length === 0 ? [] : await db.selectFrom('gatewayService').selectAll().where('gatewayId', 'in', ids).execute()
  return rows.map(({ allServices, ...row }) => ({
    ...row,
    serviceIds: allServices
      ? null
      : bindings.filter((binding) => binding.gatewayId === row.id).map((binding) => binding.serviceId),
  }))
}

/** One gateway, revoked or not, if it is there. */
export async function findGateway(db: Db, id: string): Promise<GatewayView | undefined> {
  const row = await selectGateways(db).where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : (await complete(db, [row]))[0]
}

/** A page of the gateways, revoked ones too, in the order they were made; never a token. */
export async function findGateways(
  db: Db,
  filter: { cursor?: string | undefined; limit: number },
): Promise<Page<GatewayView>> {
  const [after = ''] = filter.cursor === undefined ? [] : decodeCursor(filter.cursor, [ID])
  const rows = await selectGateways(db)
    .where('id', '>', after)
    .orderBy('id')
    .limit(filter.limit + 1)
    .execute()
  const page = toPage(rows, filter.limit, (row) => [row.id])
  return { items: await complete(db, page.items), nextCursor: page.nextCursor }
}

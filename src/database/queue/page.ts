import { sql } from 'kysely'
import type { Db } from '../connect.ts'
import { decodeCursor, ID, type Page, TIME, toPage } from '../cursor.ts'
import { type Refs, searchRefs, selectRefs } from '../rotations/search.ts'
import { findRotationsIn, type RotationView } from '../rotations/views.ts'
import { filtered, type QueueFilter } from './filter.ts'
import { type Decider, type Order, type QueueView, type Tier, tiersOf } from './tiers.ts'

/** Everything that is sorted by, as SQL and of a row that was read. */
const ORDERS = {
  deadline: { by: sql<Date>`coalesce(rotation.next_deadline, 'infinity')`, descending: false },
  end: { by: sql<Date>`coalesce(rotation.completed_at, rotation.created_at)`, descending: true },
  age: { by: sql<Date>`rotation.created_at`, descending: true },
} as const

type Row = { ref: string; nextDeadline: Date | null; completedAt: Date | null; createdAt: Date }
/** Where a page begins: after this place of its first tier. */
export type Place = { at: string; ref: string }

function placeOf(order: Order, row: Row): Place {
  const time = { deadline: row.nextDeadline, end: row.completedAt ?? row.createdAt, age: row.createdAt }[order]
  return { at: time?.toISOString() ?? 'infinity', ref: row.ref }
}

function inOrder(refs: Refs, order: Order, after: Place | null): Refs {
  const { by, descending } = ORDERS[order]
  const direction = descending ? 'desc' : 'asc'
  const ordered = refs.orderBy(by, direction).orderBy('rotation.ref', direction)
  if (after === null) return ordered
  const place = sql`(${after.at}::timestamptz, ${after.ref})`
  return ordered.where(
    descending ? sql<boolean>`(${by}, rotation.ref) < ${place}` : sql<boolean>`(${by}, rotation.ref) > ${place}`,
  )
}

/** The first rotations of a tier after a place. */
export async function findInTier(
  db: Db,
  { order, branches }: Tier,
  filter: QueueFilter,
  after: Place | null,
  limit: number,
): Promise<Row[]> {
  const found = branches.map((branch) => {
    const narrow = (refs: Refs) => inOrder(filtered(branch(refs), filter), order, after).limit(limit)
    return filter.q ? searchRefs(db, filter.q, narrow) : sql`(${narrow(selectRefs(db))})`
  })
  const { by, descending } = ORDERS[order]
  const direction = descending ? 'desc' : 'asc'
  return db
    .selectFrom('rotation')
    .select(['ref', 'nextDeadline', 'completedAt', 'createdAt'])
    .where(sql<boolean>`rotation.ref in (${sql.join(found, sql` union all `)})`)
    .orderBy(by, direction)
    .orderBy('ref', direction)
    .limit(limit)
    .execute()
}

type Wanted = { view: QueueView; filter: QueueFilter; cursor?: string | undefined; limit: number }

/**
 * A page of a view's references, in its order. The order is the database's over all pages: a page goes on in the tier in
 * which the one before it ended. Refuses INVALID_REQUEST for a cursor that isn't ours.
 */
export async function findQueueRefs(db: Db, decider: Decider, wanted: Wanted): Promise<Page<string>> {
  const { view, filter, cursor, limit } = wanted
  const [first = '0', at = '', ref = ''] = cursor === undefined ? [] : decodeCursor(cursor, [/^\d$/, TIME, ID])
  const found: { tier: number; place: Place }[] = []
  for (const [tier, { order, branches }] of tiersOf(view, decider).entries()) {
    const missing = limit + 1 - found.length
    if (tier < Number(first) || missing === 0) continue
    const after = cursor !== undefined && tier === Number(first) ? { at, ref } : null
    const rows = await findInTier(db, { order, branches }, filter, after, missing)
    found.push(...rows.map((row) => ({ tier, place: placeOf(order, row) })))
  }
  const page = toPage(found, limit, ({ tier, place }) => [String(tier), place.at, place.ref])
  return { items: page.items.map(({ place }) => place.ref), nextCursor: page.nextCursor }
}

/** The same with all that is shown of each rotation. */
export async function findQueue(db: Db, decider: Decider, wanted: Wanted): Promise<Page<RotationView>> {
  const { items, nextCursor } = await findQueueRefs(db, decider, wanted)
  return { items: await findRotationsIn(db, { organisationId: null }, items), nextCursor }
}

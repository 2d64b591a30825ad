import { sql } from 'kysely'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import { SHOWN_LATE_SECONDS } from '../../rules/rotations/lateness.ts'
import type { ItemStatus } from '../../rules/rotations/rotation-lifecycle.ts'
import type { Db } from '../connect.ts'
import { findTasks, type TaskView } from '../dependants/tasks.ts'
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
  /** How often the worker tried it since it was last set going, in vain. */
  attempts: number
  /** Whether its work is due for more than a minute and not done. */
  late: boolean
  /** Whether the overlap's time is over, by the database's clock; the worker's bookkeeping may come after it. */
  overlapOver: boolean
  /** For what must hold the very key; without those that nothing is left of. */
  tasks: TaskView[]
}

/** What a worker should have done by now. The clock is the statement's, so that the index on `due_at` can be searched by it. */
const IS_LATE = sql<boolean>`item.due_at < now() - ${SHOWN_LATE_SECONDS} * interval '1 second'`

const OVERLAP_OVER = sql<boolean>`coalesce(item.overlap_ends_at <= clock_timestamp(), false)`

/** How many items, of all organisations, are due for more than a minute and not done. */
export async function countLateItems(db: Db): Promise<number> {
  const row = await db
    .selectFrom('item')
    .select((is) => is.fn.countAll<string>().as('count'))
    .where(IS_LATE)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** The reference of the rotation that an item is in. */
export async function findItemRef(db: Db, id: string): Promise<string | undefined> {
  return (await db.selectFrom('item').select('rotationRef').where('id', '=', id).executeTakeFirst())?.rotationRef
}

/** Nothing was made for it yet, and its key works as before. */
function isUntouched(status: ItemStatus): boolean {
  return status === 'pending' || status === 'failed'
}

/** The items of rotations, in their order, each with both versions; before the execution the old one is the key's newest. */
export async function findItemViews(db: Db, refs: readonly string[]): Promise<ItemView[]> {
  const rows = await db
    .selectFrom('item')
    .innerJoin('service', 'service.id', 'item.serviceId')
    .innerJoin('key', 'key.id', 'item.keyId')
    .select(['item.id', 'item.rotationRef', 'item.serviceId', 'service.name as serviceName', 'service.environment'])
    .select(['item.keyId', 'key.name as keyName', 'item.kind', 'item.status', 'item.oldVersionId', 'item.newVersionId'])
    .select(['item.generatedAt', 'item.overlapEndsAt', 'item.problem', 'item.attempts'])
    .select([sql<boolean>`coalesce(${IS_LATE}, false)`.as('late'), OVERLAP_OVER.as('overlapOver')])
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
  const tasks = await findTasks(
    db,
    rows.map(({ id }) => id),
  )
  const versions = new Map(found.map((version) => [version.id, version]))
  return rows.map(({ newestVersionId, ...row }) => ({
    ...row,
    oldVersion: versions.get(row.oldVersionId ?? (isUntouched(row.status) ? newestVersionId : null) ?? '') ?? null,
    newVersion: versions.get(row.newVersionId ?? '') ?? null,
    tasks: tasks.filter(({ itemId }) => itemId === row.id),
  }))
}

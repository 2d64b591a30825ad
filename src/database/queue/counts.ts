import { sql } from 'kysely'
import type { Db } from '../connect.ts'
import { selectRefs } from '../rotations/search.ts'
import { filtered, type QueueFilter } from './filter.ts'
import { branchesOf, type Decider, type Narrow, QUEUE_VIEWS, type QueueView, tiersToDecide } from './tiers.ts'

/** Nobody needs to know whether it is 150 or 15 000; counting up to here costs the same in both cases. */
export const COUNTED_UP_TO = 100

function counted(db: Db, branches: readonly Narrow[], filter: QueueFilter) {
  const parts = branches.map((branch) => sql`(${filtered(branch(selectRefs(db)), filter).limit(COUNTED_UP_TO)})`)
  return sql`(select count(*)::int from (
    select from (${sql.join(parts, sql` union all `)}) as parts limit ${COUNTED_UP_TO}) as counted)`
}

/** How many rotations each view holds under the filter, and how many this agent can decide; all up to `COUNTED_UP_TO`. */
export async function countViews(
  db: Db,
  decider: Decider,
  filter: Pick<QueueFilter, 'assigneeId' | 'organisationId'>,
): Promise<Record<Exclude<QueueView, 'all'> | 'mine', number>> {
  const mine = tiersToDecide(decider).flatMap(({ branches }) => branches)
  const views = QUEUE_VIEWS.filter((view) => view !== 'all')
  const columns = [
    ...views.map((view) => sql`${counted(db, branchesOf(view), filter)} as ${sql.ref(view)}`),
    sql`${counted(db, mine, filter)} as mine`,
  ]
  const { rows } = await sql<Record<(typeof views)[number] | 'mine', number>>`select ${sql.join(columns)}`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('nothing was counted')
  return row
}

import { sql } from 'kysely'
import { clock, type Db, type Trx } from '../database/connect.ts'
import { monthSpan } from '../rules/text/months.ts'

/** A month in which much happens is not made anew more often than this. */
const REST_SECONDS = 60

/** The month that has waited longest among those with changes, held until the commit; null when there is none that nobody has. */
async function claimMonth(trx: Trx, now: Date): Promise<string | null> {
  const changed = trx.selectFrom('reportChange').select('month').distinct()
  const known = trx.selectFrom('reportMonth').select('month')
  const unknown = await changed.where('month', 'not in', known).execute()
  if (unknown.length > 0) {
    const insert = trx.insertInto('reportMonth').values(unknown)
    await insert.onConflict((conflict) => conflict.doNothing()).execute()
  }
  const restedUntil = new Date(now.getTime() - REST_SECONDS * 1000)
  const claimed = await trx
    .selectFrom('reportMonth')
    .select('month')
    .where('month', 'in', changed)
    .where((is) => is.or([is('computedAt', 'is', null), is('computedAt', '<=', restedUntil)]))
    .orderBy('computedAt', (order) => order.asc().nullsFirst())
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst()
  return claimed?.month ?? null
}

const SECONDS = {
  response: sql`extract(epoch from rotation.first_response_at - rotation.created_at)`,
  // what the policy of a self-service approved, nobody decided
  decision: sql`case when not rotation.by_policy then extract(epoch from rotation.decided_at - rotation.created_at) end`,
  // greatest() passes over an empty start, which means "as soon as approved"
  keys: sql`case when rotation.decided_at is not null and made.generated_at is not null then greatest(0,
    extract(epoch from made.generated_at - greatest(rotation.decided_at, rotation.not_before))) end`,
}

function percentile(share: number, column: string) {
  return sql`round(percentile_cont(${share}) within group (order by ${sql.ref(column)}))::integer`
}

/** Every figure of the rotations that were filed in a month, for each organisation and for all together. */
async function compute(trx: Trx, month: string, at: Date): Promise<void> {
  const { from, to } = monthSpan(month)
  const figures = ['response', 'decision', 'keys'].flatMap((name) => [percentile(0.5, name), percentile(0.9, name)])
  await sql`
    with filed as (
      select rotation.organisation_id, made.failed, made.rolled_back, ${SECONDS.response} as response,
        ${SECONDS.decision} as decision, ${SECONDS.keys} as keys,
        exists (select from follow_up where follow_up.rotation_ref = rotation.ref
          and type = 'extension' and status = 'done') as extended
      from rotation left join lateral (
        select min(generated_at) as generated_at, bool_or(status = 'rolled_back') as rolled_back,
          bool_or(exists (select from item_history where item_id = item.id and move = 'fail')) as failed
        from item where item.rotation_ref = rotation.ref) as made on true
      where rotation.created_at >= ${from} and rotation.created_at < ${to}
    )
    insert into report_row (month, organisation_id, computed_at, filed, failed, rolled_back, extended,
      first_response_median_seconds, first_response_p90_seconds, decision_median_seconds, decision_p90_seconds,
      keys_median_seconds, keys_p90_seconds)
    select ${month}, coalesce(organisation_id, ''), ${at}, count(*), count(*) filter (where failed),
      count(*) filter (where rolled_back), count(*) filter (where extended), ${sql.join(figures)}
    from filed group by grouping sets ((organisation_id), ()) having count(*) > 0`.execute(trx)
}

async function recompute(trx: Trx, month: string): Promise<void> {
  await trx.deleteFrom('reportChange').where('month', '=', month).execute()
  const at = await clock(trx)
  await trx.deleteFrom('reportRow').where('month', '=', month).execute()
  await compute(trx, month, at)
  await letRest(trx, month, at)
}

/** A month whose figures were never made is not in the table when the making broke off. */
async function letRest(trx: Trx, month: string, computedAt: Date): Promise<void> {
  const row = trx.insertInto('reportMonth').values({ month, computedAt })
  await row.onConflict((conflict) => conflict.column('month').doUpdateSet({ computedAt })).execute()
}

/**
 * Makes the figures of one month anew in which something changed; false when there is none to do. The month is held from the
 * first statement on, so its figures are written by one at a time. The marks of changes are taken away before the figures are
 * read: a change that is committed later leaves its mark, and a crash leaves all of them. A month that fails rests like one that was made.
 */
export async function recomputeNextMonth(db: Db): Promise<boolean> {
  const change = await db.selectFrom('reportChange').select('id').limit(1).executeTakeFirst()
  if (change === undefined) return false
  let claimed: string | null = null
  try {
    return await db.transaction().execute(async (trx) => {
      const month = await claimMonth(trx, await clock(trx))
      if (month === null) return false
      claimed = month
      await recompute(trx, month)
      return true
    })
  } catch (error) {
    const failed = claimed
    if (failed !== null) await db.transaction().execute(async (trx) => letRest(trx, failed, await clock(trx)))
    throw error
  }
}

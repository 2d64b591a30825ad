import { type Kysely, sql } from 'kysely'

/** The queue's views by index, each in its order, so that a page costs the same however many rotations there are. */
async function indexQueue(db: Kysely<unknown>): Promise<void> {
  const deadline = sql`(coalesce(next_deadline, 'infinity')), ref`
  await sql`drop index rotation_by_status`.execute(db)
  await sql`create index rotation_by_stage on rotation (status, ${deadline})`.execute(db)
  await sql`create index rotation_by_end on rotation (status, (coalesce(completed_at, created_at)) desc, ref desc)`.execute(
    db,
  )
  await sql`create index rotation_by_organisation_stage on rotation (organisation_id, status, ${deadline})`.execute(db)
  await sql`create index rotation_unassigned on rotation (status, ${deadline}) where assignee_id is null`.execute(db)
  const urgency = sql`(case reason when 'compromised' then 0 else 1 end)`
  await sql`
    create index rotation_to_decide on rotation (${urgency}, ${deadline}) where status = 'submitted'`.execute(db)
  await sql`
    create index rotation_to_decide_on_behalf on rotation (${urgency}, ${deadline})
    where status = 'submitted' and filed_by_id <> requester_id`.execute(db)
}

/** What lies behind a report's figures is few among many. */
async function indexFigures(db: Kysely<unknown>): Promise<void> {
  await sql`create index item_history_of_failures on item_history (item_id) where move = 'fail'`.execute(db)
  await sql`create index item_rolled_back on item (rotation_ref) where status = 'rolled_back'`.execute(db)
  await sql`create index follow_up_extended on follow_up (rotation_ref)
    where type = 'extension' and status = 'done'`.execute(db)
}

export async function up(db: Kysely<unknown>): Promise<void> {
  await indexQueue(db)
  await indexFigures(db)
}

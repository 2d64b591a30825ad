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
  await sql`create index audit_entry_of_failures on audit_entry (rotation) where action = 'item.fail'`.execute(db)
  await sql`create index item_rolled_back on item (rotation_ref) where status = 'rolled_back'`.execute(db)
  await sql`create index follow_up_extended on follow_up (rotation_ref)
    where type = 'extension' and status = 'done'`.execute(db)
}

/** Part of a name by index. Without the extension, or the right to it, the same searches read the names one by one. */
async function indexNames(db: Kysely<unknown>): Promise<void> {
  await sql`
    do $$
    begin
      create extension if not exists pg_trgm;
      create index organisation_by_part_of_name on organisation using gin (name gin_trgm_ops);
      create index person_by_part_of_name on person using gin (name gin_trgm_ops, email gin_trgm_ops);
      create index service_by_part_of_name on service using gin (name gin_trgm_ops);
    exception when others then
      raise notice 'names are searched without an index: %', sqlerrm;
    end $$`.execute(db)
}

/**
 * Every change that a figure rests on leaves a mark with the month of its rotation, in the transaction that makes it. Marks are
 * only ever added, so nobody waits for anybody; whoever makes the figures anew takes away those that were there before.
 */
async function createMarks(db: Kysely<unknown>): Promise<void> {
  await sql`drop table report_month_due`.execute(db)
  // as people write it, 2026-11: a date would be read in the zone of whoever reads it
  await sql`alter table report_row alter column month type text using to_char(month, 'YYYY-MM')`.execute(db)
  await sql`
    create table report_change (
      id bigint generated always as identity primary key,
      month text not null,
      at timestamptz(3) not null
    )`.execute(db)
  await sql`create index report_change_by_month on report_change (month)`.execute(db)
  await sql`create table report_month (month text primary key, computed_at timestamptz(3))`.execute(db)
  await sql`
    create function mark_report_month(filed_at timestamptz) returns void language sql as $$
      insert into report_change (month, at)
      values (to_char(filed_at at time zone 'UTC', 'YYYY-MM'), clock_timestamp())
    $$`.execute(db)
  await sql`
    insert into report_change (month, at)
    select distinct to_char(created_at at time zone 'UTC', 'YYYY-MM'), clock_timestamp() from rotation`.execute(db)
}

async function markChanges(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function rotation_marks_report() returns trigger language plpgsql as $$
    begin
      perform mark_report_month(new.created_at);
      if tg_op = 'UPDATE' and old.created_at <> new.created_at then perform mark_report_month(old.created_at); end if;
      return null;
    end $$`.execute(db)
  await sql`
    create function part_marks_report() returns trigger language plpgsql as $$
    begin
      perform mark_report_month(created_at) from rotation where ref = new.rotation_ref;
      return null;
    end $$`.execute(db)
  await sql`
    create trigger new_rotation_marks_report after insert on rotation
    for each row execute function rotation_marks_report()`.execute(db)
  await sql`
    create trigger rotation_marks_report after update on rotation for each row when (
      (old.created_at, old.first_response_at, old.decided_at, old.not_before)
      is distinct from (new.created_at, new.first_response_at, new.decided_at, new.not_before))
    execute function rotation_marks_report()`.execute(db)
  await sql`
    create trigger item_marks_report after update on item for each row when (
      (old.status, old.generated_at) is distinct from (new.status, new.generated_at))
    execute function part_marks_report()`.execute(db)
  await sql`
    create trigger extension_marks_report after insert or update on follow_up for each row when (
      new.type = 'extension' and new.status = 'done')
    execute function part_marks_report()`.execute(db)
}

export async function up(db: Kysely<unknown>): Promise<void> {
  await indexQueue(db)
  await indexFigures(db)
  await indexNames(db)
  await createMarks(db)
  await markChanges(db)
}

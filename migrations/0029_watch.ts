import { type Kysely, sql } from 'kysely'

/** What the worker has looked at of the use that was noticed, what it raised, and when permissions are to be reviewed next. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table version_network add column looked_at timestamptz(3)`.execute(db)
  await sql`create index version_network_to_look_at on version_network (version_id) where looked_at is null`.execute(db)
  await sql`
    alter table refused_use
      -- as many of \`count\` as the worker has weighed already
      add column looked_count integer not null default 0`.execute(db)
  await sql`create index refused_use_to_look_at on refused_use (version_id) where looked_count < count`.execute(db)
  await sql`
    alter table suspicion
      add column natural_key text not null unique,
      add column last_at timestamptz(3) not null,
      add column mailed boolean not null default false`.execute(db)
  await sql`create index suspicion_by_key on suspicion (key_id, at desc)`.execute(db)
  await sql`
    alter table organisation
      add column review_due_at timestamptz(3) not null default clock_timestamp() + interval '90 days'`.execute(db)
  await sql`update organisation set review_due_at = created_at + interval '90 days'`.execute(db)
  await sql`create index organisation_by_review on organisation (review_due_at)`.execute(db)
}

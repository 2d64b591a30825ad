import { type Kysely, sql } from 'kysely'

/** A task has an address of its own, and a key has a dependant of one name once. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table task add column id text`.execute(db)
  await sql`update task set id = 'tsk_' || md5(item_id || dependant_id)`.execute(db)
  await sql`alter table task alter column id set not null, add constraint task_id unique (id)`.execute(db)
  await sql`
    create unique index dependant_name on dependant (key_id, type, lower(name)) where removed_at is null`.execute(db)
}

import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // chain: an organisation's id, or 'desk'
  await sql`
    create table audit_head (
      chain text primary key,
      sequence bigint not null,
      hash bytea not null
    )`.execute(db)
  await sql`
    create table audit_entry (
      chain text not null,
      sequence bigint not null check (sequence > 0),
      body text not null,
      previous_hash bytea not null,
      hash bytea not null,
      at timestamptz(3) not null,
      action text not null generated always as (body::jsonb ->> 'action') stored,
      rotation text generated always as (body::jsonb ->> 'rotation') stored,
      primary key (chain, sequence)
    )`.execute(db)
  await sql`create index audit_entry_by_rotation on audit_entry (rotation) where rotation is not null`.execute(db)
  await sql`
    create function refuse_rewriting() returns trigger language plpgsql as $$
    begin
      raise exception 'rows of % are never changed or deleted', tg_table_name;
    end $$`.execute(db)
  await sql`
    create trigger audit_entry_is_append_only before update or delete on audit_entry
    for each row execute function refuse_rewriting()`.execute(db)
  await sql`
    create trigger audit_entry_is_not_truncated before truncate on audit_entry
    for each statement execute function refuse_rewriting()`.execute(db)
}

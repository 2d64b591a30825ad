import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table import
      -- all of the file is here; without it nothing of it is carried out
      add column received_at timestamptz(3),
      -- the header of a CSV file; empty for NDJSON
      add column columns text[]`.execute(db)
  await sql`create index import_unfinished on import (id) where finished_at is null`.execute(db)
  await sql`
    create table import_chunk (
      import_id text not null references import,
      -- the number of its first line in the file
      line integer not null,
      content text not null,
      primary key (import_id, line)
    )`.execute(db)
  // What a dry run has seen, so that a hash that comes twice in a file counts as it would without one.
  await sql`
    create table import_hash (
      import_id text not null references import,
      hash bytea not null,
      primary key (import_id, hash)
    )`.execute(db)
}

import { type Kysely, sql } from 'kysely'

/** Webhooks as rows: what happened, who is to hear of it, and each try to tell them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table webhook_endpoint (
      id text primary key,
      -- empty: the desk's own, which hears of every organisation
      organisation_id text references organisation,
      url text not null check (length(url) <= 2000),
      -- empty: every event
      events text[] not null default '{}',
      created_by text not null references person,
      created_at timestamptz(3) not null,
      removed_at timestamptz(3)
    )`.execute(db)
  await sql`create index webhook_endpoint_by_organisation on webhook_endpoint (organisation_id)
    where removed_at is null`.execute(db)
  await sql`
    create table webhook_secret (
      id text primary key,
      endpoint_id text not null references webhook_endpoint,
      sealed bytea not null,
      sealed_key_id text not null,
      created_at timestamptz(3) not null,
      -- while a secret is replaced both sign; strictly before this the old one does
      ends_at timestamptz(3)
    )`.execute(db)
  await sql`create index webhook_secret_by_endpoint on webhook_secret (endpoint_id)`.execute(db)
  await sql`
    create table webhook_event (
      id text primary key,
      -- what makes it the one it is, so that an effect repeated writes no second one
      natural_key text not null unique,
      organisation_id text not null references organisation,
      type text not null,
      -- the text that is signed and sent; never a secret
      body text not null,
      created_at timestamptz(3) not null
    )`.execute(db)
  await sql`
    create table webhook_delivery (
      id text primary key,
      event_id text not null references webhook_event,
      endpoint_id text not null references webhook_endpoint,
      created_at timestamptz(3) not null,
      -- empty once it is accepted or given up; pushed ahead while a worker holds it
      next_attempt_at timestamptz(3),
      attempts integer not null default 0,
      delivered_at timestamptz(3),
      gave_up_at timestamptz(3),
      unique (event_id, endpoint_id)
    )`.execute(db)
  await sql`create index webhook_delivery_due on webhook_delivery (next_attempt_at)
    where next_attempt_at is not null`.execute(db)
  await sql`create index webhook_delivery_by_endpoint on webhook_delivery (endpoint_id, created_at desc)`.execute(db)
  await sql`
    create table webhook_attempt (
      delivery_id text not null references webhook_delivery,
      number integer not null,
      at timestamptz(3) not null,
      status integer,
      milliseconds integer not null,
      error text,
      primary key (delivery_id, number)
    )`.execute(db)
}

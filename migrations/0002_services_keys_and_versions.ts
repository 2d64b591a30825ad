import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table service (
      id text primary key,
      organisation_id text not null references organisation,
      name text not null check (length(name) between 1 and 100),
      environment text not null check (environment in ('live', 'sandbox')),
      self_service boolean not null default false,
      created_at timestamptz(3) not null,
      deleted_at timestamptz(3),
      unique (id, organisation_id)
    )`.execute(db)
  await sql`create unique index service_name on service (organisation_id, environment, lower(name)) where deleted_at is null`.execute(
    db,
  )
  await sql`
    create table key (
      id text primary key,
      service_id text not null,
      organisation_id text not null,
      kind text not null check (kind in ('auth', 'admin')),
      name text not null check (length(name) between 1 and 100),
      description text not null default '',
      permission text not null check (permission in ('read_only', 'read_write', 'admin')),
      ip_ranges text[] not null default '{}',
      datasets text[] not null default '{}',
      enabled boolean not null default true,
      created_at timestamptz(3) not null,
      deleted_at timestamptz(3),
      foreign key (service_id, organisation_id) references service (id, organisation_id),
      unique (id, organisation_id)
    )`.execute(db)
  await sql`create index key_by_service on key (service_id)`.execute(db)
  await sql`
    create table version (
      id text primary key,
      key_id text not null,
      organisation_id text not null,
      hash bytea not null unique check (length(hash) = 32),
      last4 text not null,
      created_at timestamptz(3) not null,
      active_from timestamptz(3) not null,
      -- strictly before this it is accepted; empty means without end
      accepted_until timestamptz(3),
      -- the end it has by itself, which no overlap lengthens and a rollback restores
      own_end timestamptz(3),
      -- once set it is revoked, whatever the clock says
      revoked_at timestamptz(3),
      -- a revocation planned for later counts from then on, whether or not the worker lives
      revoke_from timestamptz(3),
      rolled_back_at timestamptz(3),
      -- sealed until the one reveal, then gone
      sealed bytea,
      sealed_key_id text,
      revealed_at timestamptz(3),
      revealed_by text references person,
      foreign key (key_id, organisation_id) references key (id, organisation_id),
      unique (id, key_id),
      check (accepted_until is null or own_end is null or accepted_until <= own_end),
      check (revealed_at is null or sealed is null),
      check ((sealed is null) = (sealed_key_id is null))
    )`.execute(db)
  await sql`create index version_by_key on version (key_id)`.execute(db)
  await sql`
    create table version_use (
      version_id text primary key references version,
      first_used_at timestamptz(3) not null,
      last_used_at timestamptz(3) not null,
      last_network text
    )`.execute(db)
  await sql`
    create table gateway (
      id text primary key,
      name text not null check (length(name) between 1 and 100),
      token_hash bytea not null unique,
      last4 text not null,
      all_services boolean not null,
      created_at timestamptz(3) not null,
      revoked_at timestamptz(3)
    )`.execute(db)
  await sql`
    create table gateway_service (
      gateway_id text not null references gateway,
      service_id text not null references service,
      primary key (gateway_id, service_id)
    )`.execute(db)
}

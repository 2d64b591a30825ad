import { type Kysely, sql } from 'kysely'

/** What an admin may set for the desk and, where it says so, for one service; there empty means as the desk has it. */
async function createPolicies(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table policy
      add column longest_overlap_seconds integer not null default 2592000
        check (longest_overlap_seconds between 0 and 2592000),
      add column overlap_by_reason jsonb not null default '{}',
      add column approvals_needed integer not null default 1 check (approvals_needed in (1, 2)),
      add column self_service boolean not null default false,
      add column cooldown_seconds integer not null default 0 check (cooldown_seconds between 0 and 604800),
      add column remind_age_days integer default 90 check (remind_age_days between 1 and 3650),
      add column file_age_days integer check (file_age_days between 1 and 3650),
      add column keys_per_service integer not null default 50 check (keys_per_service between 2 and 10000),
      add column keys_per_person integer not null default 200 check (keys_per_person between 1 and 100000),
      add column resets_per_hour integer not null default 5 check (resets_per_hour between 1 and 10000),
      add column filing_ranges text[] not null default '{}',
      add column leak_response text not null default 'tell' check (leak_response in ('tell', 'shorten', 'disable'))`.execute(
    db,
  )
  await sql`
    create table service_policy (
      service_id text primary key references service,
      longest_overlap_seconds integer check (longest_overlap_seconds between 0 and 2592000),
      overlap_by_reason jsonb,
      approvals_needed integer check (approvals_needed in (1, 2)),
      self_service boolean,
      cooldown_seconds integer check (cooldown_seconds between 0 and 604800),
      remind_age_days integer check (remind_age_days between 0 and 3650),
      file_age_days integer check (file_age_days between 0 and 3650),
      keys_per_service integer check (keys_per_service between 2 and 10000),
      filing_ranges text[],
      leak_response text check (leak_response in ('tell', 'shorten', 'disable'))
    )`.execute(db)
  await sql`insert into service_policy (service_id, self_service) select id, true from service where self_service`.execute(
    db,
  )
  await sql`alter table service drop column self_service`.execute(db)
}

async function createDatasetsAndDependants(db: Kysely<unknown>): Promise<void> {
  await sql`alter table key add column created_by text references person`.execute(db)
  await sql`create index key_by_creator on key (created_by) where deleted_at is null`.execute(db)
  await sql`
    create table dataset (
      id text primary key,
      service_id text not null,
      organisation_id text not null,
      name text not null check (length(name) between 1 and 100),
      created_at timestamptz(3) not null,
      foreign key (service_id, organisation_id) references service (id, organisation_id),
      unique (service_id, name)
    )`.execute(db)
  await sql`
    create table dependant (
      id text primary key,
      key_id text not null,
      organisation_id text not null,
      type text not null check (type in ('virtual_account', 'notification', 'kms', 'other')),
      name text not null check (length(name) between 1 and 100),
      -- it must hold the very key, so that a new version leaves it broken until somebody sees to it
      exact_key boolean not null,
      created_at timestamptz(3) not null,
      created_by text not null references person,
      removed_at timestamptz(3),
      foreign key (key_id, organisation_id) references key (id, organisation_id)
    )`.execute(db)
  await sql`create index dependant_by_key on dependant (key_id) where removed_at is null`.execute(db)
  await sql`
    create table task (
      item_id text not null references item,
      dependant_id text not null references dependant,
      created_at timestamptz(3) not null,
      done_at timestamptz(3),
      done_by text references person,
      primary key (item_id, dependant_id),
      check ((done_at is null) = (done_by is null))
    )`.execute(db)
}

/** How a rotation came about and how its old keys end. Empty `filed_by_id`: the desk itself, for the cause in `trigger`. */
async function widenRotations(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table rotation
      alter column filed_by_id drop not null,
      add column trigger text check (trigger in ('age', 'leak')),
      add column evidence_url text,
      add column overlap_ends text not null default 'at_end'
        check (overlap_ends in ('at_end', 'on_first_use', 'on_pickup')),
      add column grace_seconds integer not null default 0 check (grace_seconds between 0 and 2592000),
      -- the owner's step-up was the approval, by the policy of a self-service, or the making of this token was
      add column by_policy boolean not null default false,
      add column by_token_id text references personal_token,
      add check ((filed_by_id is null) = (trigger is not null)),
      add check (by_policy or by_token_id is null),
      drop constraint rotation_approvals_needed_check,
      add constraint rotation_approvals_needed_check check (approvals_needed in (1, 2) or approvals_needed = 0 and by_policy)`.execute(
    db,
  )
  await sql`alter table item add column cooldown_seconds integer not null default 0 check (cooldown_seconds >= 0)`.execute(
    db,
  )
  await sql`
    create table reissue (
      from_version_id text primary key references version,
      to_version_id text not null unique references version,
      item_id text references item,
      at timestamptz(3) not null,
      by text not null references person
    )`.execute(db)
}

async function widenVersions(db: Kysely<unknown>): Promise<void> {
  await sql`alter table service add column age_recipient text`.execute(db)
  await sql`
    alter table version
      -- while set, the old version's end moves forward to this event of this new one, and so many seconds on
      add column clock_starts text check (clock_starts in ('on_first_use', 'on_pickup')),
      add column clock_seconds integer check (clock_seconds >= 0),
      -- the secret as an age file, which only the owner of the recipient opens; kept until it is acknowledged
      add column age_file bytea,
      add column age_recipient text,
      add column fetched_at timestamptz(3),
      add column acknowledged_at timestamptz(3),
      add column acknowledged_by text references person,
      -- made elsewhere and known by its hash alone
      add column imported boolean not null default false,
      add check ((clock_starts is null) = (clock_seconds is null)),
      add check (sealed is null or age_file is null),
      add check (age_file is null or age_recipient is not null),
      add check (acknowledged_at is null or age_file is null),
      add check ((acknowledged_at is null) = (acknowledged_by is null))`.execute(db)
}

/** What is known of use beside the first and the last: from which networks, for which permission, and what was refused. */
async function createWatch(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table version_network (
      version_id text not null references version,
      network text not null,
      first_used_at timestamptz(3) not null,
      last_used_at timestamptz(3) not null,
      primary key (version_id, network)
    )`.execute(db)
  await sql`
    create table permission_use (
      key_id text not null references key,
      permission text not null check (permission in ('read_only', 'read_write', 'admin')),
      last_used_at timestamptz(3) not null,
      primary key (key_id, permission)
    )`.execute(db)
  await sql`
    create table refused_use (
      version_id text not null references version,
      code text not null,
      network text not null,
      -- the full minute in which they came
      minute timestamptz(3) not null,
      count integer not null,
      primary key (version_id, minute, code, network)
    )`.execute(db)
  await sql`create index refused_use_by_minute on refused_use (minute)`.execute(db)
  await sql`
    create table suspicion (
      id text primary key,
      organisation_id text not null references organisation,
      key_id text not null references key,
      version_id text not null references version,
      kind text not null check (kind in ('new_network', 'refusals', 'retired_use')),
      network text not null,
      count integer not null,
      at timestamptz(3) not null,
      dismissed_at timestamptz(3),
      dismissed_by text references person
    )`.execute(db)
  await sql`create index suspicion_by_organisation on suspicion (organisation_id, at desc)`.execute(db)
  await sql`
    create table permission_review (
      id text primary key,
      organisation_id text not null references organisation,
      by text not null references person,
      at timestamptz(3) not null,
      -- what was held, used and decided, as it was then
      findings jsonb not null
    )`.execute(db)
  await sql`create index permission_review_by_organisation on permission_review (organisation_id, at desc)`.execute(db)
}

async function createReportsAndImports(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table leak_report (
      id text primary key,
      version_id text not null references version,
      organisation_id text not null references organisation,
      source text not null,
      url text not null default '',
      received_at timestamptz(3) not null,
      response text not null check (response in ('tell', 'shorten', 'disable')),
      rotation_ref text references rotation,
      -- a report that comes again is the same one
      unique (version_id, source, url)
    )`.execute(db)
  await sql`
    create table import (
      id text primary key,
      name text not null,
      by text references person,
      started_at timestamptz(3) not null,
      finished_at timestamptz(3),
      lines integer not null default 0,
      added integer not null default 0,
      known integer not null default 0,
      refused integer not null default 0,
      dry_run boolean not null,
      errors jsonb not null default '[]'
    )`.execute(db)
}

export async function up(db: Kysely<unknown>): Promise<void> {
  await createPolicies(db)
  await createDatasetsAndDependants(db)
  await widenRotations(db)
  await widenVersions(db)
  await createWatch(db)
  await createReportsAndImports(db)
}

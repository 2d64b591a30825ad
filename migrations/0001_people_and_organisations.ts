import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table organisation (
      id text primary key,
      name text not null check (length(name) between 1 and 100),
      created_at timestamptz(3) not null
    )`.execute(db)
  await sql`
    create table person (
      id text primary key,
      email text not null unique check (email = lower(email)),
      name text not null check (length(name) between 1 and 100),
      staff_role text check (staff_role in ('agent', 'admin')),
      password_hash text,
      password_changed_at timestamptz(3),
      email_changed_at timestamptz(3),
      code_seed bytea,
      code_seed_key_id text,
      code_changed_at timestamptz(3),
      -- the last one-time code's time step that was accepted; a code works only above it
      code_last_step bigint,
      wrong_codes_since timestamptz(3),
      wrong_codes integer not null default 0,
      consecutive_wrong_codes integer not null default 0,
      locked_at timestamptz(3),
      time_zone text not null default 'UTC',
      disabled_at timestamptz(3),
      created_at timestamptz(3) not null
    )`.execute(db)
  await sql`
    create table membership (
      person_id text not null references person,
      organisation_id text not null references organisation,
      role text not null check (role in ('owner', 'developer', 'viewer')),
      may_reveal boolean not null default false,
      created_at timestamptz(3) not null,
      primary key (person_id, organisation_id)
    )`.execute(db)
  await sql`create index membership_by_organisation on membership (organisation_id)`.execute(db)
  await sql`
    create table invitation (
      id text primary key,
      token_hash bytea not null unique,
      person_id text not null references person,
      organisation_id text references organisation,
      -- what the person becomes on accepting: a member of the organisation, or staff where there is none
      role text not null check (role in ('owner', 'developer', 'viewer', 'agent', 'admin')),
      created_at timestamptz(3) not null,
      expires_at timestamptz(3) not null,
      check ((organisation_id is null) = (role in ('agent', 'admin'))),
      -- the code seed shown while enrolling; moves to the person when its first code is accepted
      code_seed bytea,
      code_seed_key_id text,
      accepted_at timestamptz(3)
    )`.execute(db)
  await sql`create index invitation_by_person on invitation (person_id)`.execute(db)
  await sql`
    create table session (
      token_hash bytea primary key,
      id text not null unique,
      person_id text not null references person,
      organisation_id text references organisation,
      -- false between the password and the one-time code
      complete boolean not null,
      form_token text not null,
      created_at timestamptz(3) not null,
      last_seen_at timestamptz(3) not null,
      ends_at timestamptz(3) not null,
      code_at timestamptz(3),
      user_agent text not null default '',
      network text not null default ''
    )`.execute(db)
  await sql`create index session_by_person on session (person_id)`.execute(db)
  await sql`
    create table personal_token (
      id text primary key,
      token_hash bytea not null unique,
      last4 text not null,
      person_id text not null references person,
      organisation_id text references organisation,
      name text not null,
      scopes text[] not null default '{}',
      created_at timestamptz(3) not null,
      expires_at timestamptz(3) not null,
      revoked_at timestamptz(3),
      last_used_at timestamptz(3)
    )`.execute(db)
  await sql`
    create table step_up (
      token_hash bytea primary key,
      person_id text not null references person,
      -- the session or personal token it was given to; it works with no other
      bearer_id text not null,
      created_at timestamptz(3) not null,
      expires_at timestamptz(3) not null,
      calls_left integer not null check (calls_left >= 0)
    )`.execute(db)
  await sql`create index step_up_by_bearer on step_up (bearer_id)`.execute(db)
  await sql`
    create table set_up_code (
      code_hash bytea primary key,
      created_at timestamptz(3) not null
    )`.execute(db)
  await sql`
    create table rate_limit (
      key text primary key,
      points integer not null default 0,
      expire bigint
    )`.execute(db)
  await sql`
    create table idempotent_call (
      bearer_id text not null,
      idempotency_key text not null,
      request_hash bytea not null,
      -- empty while the first call is still being answered
      status integer,
      body text,
      created_at timestamptz(3) not null,
      primary key (bearer_id, idempotency_key)
    )`.execute(db)
  await sql`
    create table policy (
      "only" boolean primary key default true check ("only"),
      filings_per_hour integer not null default 30 check (filings_per_hour > 0)
    )`.execute(db)
  await sql`insert into policy default values`.execute(db)
}

import { type Kysely, sql } from 'kysely'

/** How people keep, change and get back their accounts, and what they are told. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table person
      -- topics of letters that the person wants none of
      add column muted_topics text[] not null default '{}',
      add column shortcuts boolean not null default true`.execute(db)
  await sql`
    alter table personal_token
      -- for machines: does what its scopes name without a step-up
      add column unattended boolean not null default false,
      add column ip_ranges text[] not null default '{}',
      add check (not unattended or (cardinality(scopes) > 0 and cardinality(ip_ranges) > 0))`.execute(db)
  await sql`
    create table recovery_code (
      person_id text not null references person,
      code_hash bytea not null,
      created_at timestamptz(3) not null,
      used_at timestamptz(3),
      primary key (person_id, code_hash)
    )`.execute(db)
  await sql`
    create table password_reset (
      token_hash bytea primary key,
      person_id text not null references person,
      created_at timestamptz(3) not null,
      expires_at timestamptz(3) not null,
      used_at timestamptz(3)
    )`.execute(db)
  await sql`create index password_reset_by_person on password_reset (person_id)`.execute(db)
  await sql`
    create table email_change (
      token_hash bytea primary key,
      person_id text not null references person,
      email text not null,
      created_at timestamptz(3) not null,
      expires_at timestamptz(3) not null,
      used_at timestamptz(3)
    )`.execute(db)
  await sql`create index email_change_by_person on email_change (person_id)`.execute(db)
  // a code device being set up, until its first code proves it
  await sql`
    create table code_enrolment (
      person_id text primary key references person,
      code_seed bytea not null,
      code_seed_key_id text not null,
      created_at timestamptz(3) not null
    )`.execute(db)
  await sql`
    create table recovery_case (
      id text primary key,
      organisation_id text not null references organisation,
      -- who lost their access; empty where the organisation has no owner left
      person_id text references person,
      kind text not null check (kind in ('no_owner', 'lost_access')),
      -- who is to have access once it is done
      name text not null,
      email text not null,
      status text not null check (status in ('requested', 'opened', 'confirmed', 'done', 'refused')),
      created_at timestamptz(3) not null,
      opened_by text references person,
      verified_by text,
      opened_at timestamptz(3),
      -- the second agent
      confirmed_by text references person,
      confirmed_at timestamptz(3),
      -- the end of the cooling-off; nothing is done before
      not_before timestamptz(3),
      closed_at timestamptz(3),
      closed_by text references person,
      reason text,
      check (confirmed_by is distinct from opened_by or confirmed_by is null)
    )`.execute(db)
  await sql`
    create unique index one_open_recovery_case on recovery_case (organisation_id, email)
    where status in ('requested', 'opened', 'confirmed')`.execute(db)
  await sql`create index recovery_case_open on recovery_case (created_at)
    where status in ('requested', 'opened', 'confirmed')`.execute(db)
}

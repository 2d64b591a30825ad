import { type Kysely, sql } from 'kysely'

/** What a rotation was filed under, so that a later change of the policy leaves it as it is. */
async function keepTerms(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table rotation
      add column terms jsonb not null
        default '{"longestOverlapSeconds": 2592000, "overlapByReason": {}, "approvalsNeeded": 1}'`.execute(db)
  await sql`alter table policy add column revision integer not null default 1`.execute(db)
  await sql`alter table service_policy add column revision integer not null default 1`.execute(db)
}

/** Which versions were told of or rotated for their age, and when each organisation's are looked at next. */
async function watchAges(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table version_age (
      version_id text primary key references version,
      reminded_at timestamptz(3),
      filed_at timestamptz(3)
    )`.execute(db)
  await sql`alter table organisation add column ages_due_at timestamptz(3) not null default now()`.execute(db)
  await sql`create index organisation_by_ages_due on organisation (ages_due_at)`.execute(db)
}

async function createProposals(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table proposal (
      id text primary key,
      organisation_id text not null references organisation,
      -- who may have seen the keys
      person_id text not null references person,
      cause text not null
        check (cause in ('password_changed', 'member_removed', 'role_changed', 'account_disabled')),
      key_ids text[] not null,
      at timestamptz(3) not null,
      ended_at timestamptz(3),
      -- who dismissed it; none where it was filed
      dismissed_by text references person,
      rotation_ref text references rotation,
      check ((ended_at is null) = (dismissed_by is null and rotation_ref is null)),
      check (dismissed_by is null or rotation_ref is null)
    )`.execute(db)
  // one at a time about a person: the newest cause stands for those before
  await sql`create unique index open_proposal on proposal (organisation_id, person_id) where ended_at is null`.execute(
    db,
  )
}

export async function up(db: Kysely<unknown>): Promise<void> {
  await keepTerms(db)
  await watchAges(db)
  await createProposals(db)
}

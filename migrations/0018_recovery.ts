import { type Kysely, sql } from 'kysely'

/** How somebody who lost their access asks for it, and gets it back by a link that replaces password and code device. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table recovery_case
      -- what whoever opened it ticked as done
      add column checks text[] not null default '{}',
      -- empty for somebody of the staff
      alter column organisation_id drop not null,
      add check (organisation_id is not null or kind = 'lost_access')`.execute(db)
  await sql`drop index one_open_recovery_case`.execute(db)
  await sql`
    create unique index one_open_recovery_case on recovery_case (coalesce(organisation_id, ''), email)
    where status in ('requested', 'opened', 'confirmed')`.execute(db)
  await sql`create index recovery_case_by_organisation on recovery_case (organisation_id, created_at)`.execute(db)
  await sql`
    alter table invitation
      -- the case that it carries out: its person gets a new password and code device
      add column recovery_case_id text references recovery_case`.execute(db)
  await sql`create index invitation_by_organisation on invitation (organisation_id) where accepted_at is null`.execute(
    db,
  )
  await sql`
    create table access_request (
      id text primary key,
      email text not null,
      organisation text not null,
      created_at timestamptz(3) not null,
      -- whose address it is is looked up by the worker, so that the answer takes as long for any address
      person_id text references person,
      organisation_id text references organisation,
      token_hash bytea unique,
      expires_at timestamptz(3),
      used_at timestamptz(3)
    )`.execute(db)
  await sql`create index access_request_new on access_request (created_at) where token_hash is null`.execute(db)
  await sql`create index access_request_by_person on access_request (person_id)`.execute(db)
}

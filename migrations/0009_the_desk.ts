import { type Kysely, sql } from 'kysely'

/** What people do around a rotation: talk, pause its clock, decide follow-ups, file for others, and be reminded. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table rotation
      -- what is left of the agents' time to decide while the customer is asked something
      add column clock_left_seconds integer check (clock_left_seconds >= 0),
      -- how whoever filed it on behalf made sure of the caller
      add column verified_by text,
      -- the rotation whose place this one took
      add column replaces_ref text references rotation,
      -- why it needs attention as a whole
      add column problem text,
      -- when somebody of the staff first decided, asked or wrote
      add column first_response_at timestamptz(3)`.execute(db)
  await sql`create index rotation_by_replaced on rotation (replaces_ref) where replaces_ref is not null`.execute(db)
  await sql`create index rotation_by_assignee on rotation (assignee_id, status) where assignee_id is not null`.execute(
    db,
  )
  await sql`
    create table message (
      id text primary key,
      rotation_ref text not null,
      organisation_id text not null,
      author_id text not null references person,
      -- a note is for the staff alone
      kind text not null check (kind in ('message', 'note', 'question', 'answer')),
      from_staff boolean not null,
      body text not null check (length(body) between 1 and 4000),
      at timestamptz(3) not null,
      foreign key (rotation_ref, organisation_id) references rotation (ref, organisation_id),
      check (from_staff or kind in ('message', 'answer'))
    )`.execute(db)
  await sql`create index message_by_rotation on message (rotation_ref, at)`.execute(db)
  await sql`
    create trigger message_is_append_only before update or delete on message
    for each row execute function refuse_rewriting()`.execute(db)
  await sql`
    create table canned_answer (
      id text primary key,
      name text not null unique check (length(name) between 1 and 100),
      body text not null check (length(body) between 1 and 2000),
      created_at timestamptz(3) not null
    )`.execute(db)
  await sql`
    alter table follow_up
      -- 0: nobody has to approve it
      add column approvals_needed integer not null default 0 check (approvals_needed between 0 and 2),
      add column decision_reason text`.execute(db)
  await sql`
    create table follow_up_approval (
      follow_up_id text not null references follow_up,
      agent_id text not null references person,
      at timestamptz(3) not null,
      primary key (follow_up_id, agent_id)
    )`.execute(db)
  await sql`create index follow_up_waiting on follow_up (requested_at) where status = 'requested'`.execute(db)
  await sql`
    create table reminder (
      rotation_ref text not null references rotation,
      kind text not null check (kind in ('decide', 'answer', 'old_key_stops', 'not_picked_up')),
      -- the moment it reminds of; when that has moved meanwhile, the reminder is dropped
      of timestamptz(3) not null,
      due_at timestamptz(3) not null,
      primary key (rotation_ref, kind, of, due_at)
    )`.execute(db)
  await sql`create index reminder_due on reminder (due_at)`.execute(db)
  await sql`
    create table saved_view (
      person_id text not null references person,
      name text not null check (length(name) between 1 and 60),
      query text not null check (length(query) <= 500),
      primary key (person_id, name)
    )`.execute(db)
}

import { type Kysely, sql } from 'kysely'

// move, status before, status after
const ROTATION_MOVES = [
  ['submit', 'new', 'submitted'],
  ['ask', 'submitted', 'needs_info'],
  ['answer', 'needs_info', 'submitted'],
  ['approve', 'submitted', 'submitted'],
  ['approve', 'submitted', 'scheduled'],
  ['reject', 'submitted', 'rejected'],
  ['reject', 'needs_info', 'rejected'],
  ['withdraw', 'submitted', 'withdrawn'],
  ['withdraw', 'needs_info', 'withdrawn'],
  ['withdraw', 'scheduled', 'withdrawn'],
  ['expire', 'submitted', 'expired'],
  ['expire', 'needs_info', 'expired'],
  ['execute', 'scheduled', 'executing'],
  ['execute', 'scheduled', 'needs_attention'],
  ['settle', 'executing', 'overlap'],
  ['settle', 'executing', 'needs_attention'],
  ['settle', 'executing', 'completed'],
  ['settle', 'executing', 'rolled_back'],
  ['settle', 'overlap', 'completed'],
  ['settle', 'overlap', 'rolled_back'],
  ['settle', 'overlap', 'needs_attention'],
  ['settle', 'needs_attention', 'executing'],
  ['settle', 'needs_attention', 'overlap'],
  ['settle', 'needs_attention', 'completed'],
  ['settle', 'needs_attention', 'rolled_back'],
  ['retry', 'needs_attention', 'executing'],
  ['retry', 'needs_attention', 'submitted'],
  ['close', 'submitted', 'closed'],
  ['close', 'needs_info', 'closed'],
  ['close', 'scheduled', 'closed'],
  ['close', 'executing', 'closed'],
  ['close', 'overlap', 'closed'],
  ['close', 'needs_attention', 'closed'],
]
const ITEM_MOVES = [
  ['add', 'new', 'pending'],
  ['execute', 'pending', 'overlap'],
  ['skip', 'pending', 'skipped'],
  ['fail', 'pending', 'failed'],
  ['cancel', 'pending', 'cancelled'],
  ['cancel', 'failed', 'cancelled'],
  ['retry', 'failed', 'pending'],
  ['retire', 'overlap', 'retired'],
  ['revoke_early', 'overlap', 'retired'],
  ['roll_back', 'overlap', 'rolled_back'],
]

async function createLegalMoves(db: Kysely<unknown>, table: string, moves: string[][]): Promise<void> {
  await sql`
    create table ${sql.table(table)} (
      move text not null,
      from_status text not null,
      to_status text not null,
      primary key (move, from_status, to_status)
    )`.execute(db)
  const rows = moves.map((row) => sql`(${sql.join(row)})`)
  await sql`insert into ${sql.table(table)} values ${sql.join(rows)}`.execute(db)
}

/**
 * A history is append-only and enforces the life it records: each row continues where the one before it ended, each
 * move is a legal one, and each has its own audit entry. What it tells of refers to its last row together with the
 * status, so a status that the history doesn't end at can't be written.
 */
async function createHistory(db: Kysely<unknown>, table: string, subject: string, legal: string): Promise<void> {
  await sql`
    create table ${sql.table(table)} (
      ${sql.ref(subject)} text not null,
      sequence integer not null check (sequence > 0),
      previous integer generated always as (nullif(sequence - 1, 0)) stored,
      move text not null,
      from_status text not null,
      to_status text not null,
      at timestamptz(3) not null,
      audit_chain text not null,
      audit_sequence bigint not null,
      primary key (${sql.ref(subject)}, sequence),
      unique (${sql.ref(subject)}, sequence, to_status),
      unique (audit_chain, audit_sequence),
      check ((sequence = 1) = (from_status = 'new')),
      foreign key (move, from_status, to_status) references ${sql.table(legal)},
      foreign key (${sql.ref(subject)}, previous, from_status)
        references ${sql.table(table)} (${sql.ref(subject)}, sequence, to_status),
      foreign key (audit_chain, audit_sequence) references audit_entry (chain, sequence)
    )`.execute(db)
  await sql`
    create trigger ${sql.ref(`${table}_is_append_only`)} before update or delete on ${sql.table(table)}
    for each row execute function refuse_rewriting()`.execute(db)
}

export async function up(db: Kysely<unknown>): Promise<void> {
  await createLegalMoves(db, 'legal_rotation_move', ROTATION_MOVES)
  await createLegalMoves(db, 'legal_item_move', ITEM_MOVES)
  await createHistory(db, 'rotation_history', 'rotation_ref', 'legal_rotation_move')
  await createHistory(db, 'item_history', 'item_id', 'legal_item_move')
  await sql`create sequence rotation_number start 1001`.execute(db)
  await sql`
    create table rotation (
      ref text primary key check (ref ~ '^ROT-[0-9]+$'),
      organisation_id text not null references organisation,
      requester_id text not null references person,
      filed_by_id text not null references person,
      status text not null,
      history_sequence integer not null,
      revision integer not null default 1,
      reason text not null
        check (reason in ('compromised', 'suspected', 'lost', 'staff_change', 'scheduled', 'other')),
      details text not null default '',
      not_before timestamptz(3),
      overlap_seconds integer not null check (overlap_seconds between 0 and 2592000),
      approvals_needed integer not null check (approvals_needed in (1, 2)),
      assignee_id text references person,
      created_at timestamptz(3) not null,
      decided_at timestamptz(3),
      decision_reason text,
      completed_at timestamptz(3),
      -- what the queue sorts by: the next moment at which something happens or is late
      next_deadline timestamptz(3),
      foreign key (ref, history_sequence, status) references rotation_history (rotation_ref, sequence, to_status),
      unique (ref, organisation_id)
    )`.execute(db)
  await sql`create index rotation_by_organisation on rotation (organisation_id, created_at desc)`.execute(db)
  await sql`create index rotation_by_status on rotation (status, next_deadline)`.execute(db)
  await sql`
    create table item (
      id text primary key,
      rotation_ref text not null,
      organisation_id text not null,
      position integer not null,
      service_id text not null references service,
      key_id text not null,
      kind text not null check (kind in ('auth', 'admin')),
      status text not null,
      history_sequence integer not null,
      old_version_id text,
      new_version_id text,
      generated_at timestamptz(3),
      overlap_ends_at timestamptz(3),
      problem text,
      attempts integer not null default 0,
      -- when the worker has to look at it next; the domain rows are the queue
      due_at timestamptz(3),
      foreign key (rotation_ref, organisation_id) references rotation (ref, organisation_id),
      foreign key (key_id, organisation_id) references key (id, organisation_id),
      foreign key (old_version_id, key_id) references version (id, key_id),
      foreign key (new_version_id, key_id) references version (id, key_id),
      foreign key (id, history_sequence, status) references item_history (item_id, sequence, to_status),
      unique (rotation_ref, key_id),
      unique (new_version_id),
      check ((status in ('overlap', 'retired', 'rolled_back')) = (new_version_id is not null)),
      check ((new_version_id is null) = (generated_at is null))
    )`.execute(db)
  await sql`create unique index one_live_item_per_key on item (key_id) where status in ('pending', 'overlap', 'failed')`.execute(
    db,
  )
  await sql`create index item_due on item (due_at) where due_at is not null`.execute(db)
  await sql`
    create table approval (
      rotation_ref text not null references rotation,
      revision integer not null,
      agent_id text not null references person,
      at timestamptz(3) not null,
      note text not null default '',
      primary key (rotation_ref, revision, agent_id)
    )`.execute(db)
  await sql`
    create table follow_up (
      id text primary key,
      rotation_ref text not null,
      organisation_id text not null,
      type text not null check (type in ('early_revocation', 'extension', 'rollback')),
      status text not null check (status in ('requested', 'done', 'rejected', 'lapsed')),
      item_ids text[] not null,
      at timestamptz(3),
      requested_by text not null references person,
      requested_at timestamptz(3) not null,
      decided_at timestamptz(3),
      foreign key (rotation_ref, organisation_id) references rotation (ref, organisation_id)
    )`.execute(db)
  await sql`create index follow_up_by_rotation on follow_up (rotation_ref)`.execute(db)
}

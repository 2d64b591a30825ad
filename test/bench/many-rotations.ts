import { sql } from 'kysely'
import type { Db } from '../../src/database/connect.ts'
import type { DeskWorld } from '../support/worlds/desk-world.ts'

type Step = readonly [subject: 'rotation' | 'item', move: string, from: string, to: string]
type Life = { share: number; status: string; item: string; steps: readonly Step[] }

const FILED: readonly Step[] = [
  ['rotation', 'submit', 'new', 'submitted'],
  ['item', 'add', 'new', 'pending'],
]
const APPROVED: readonly Step[] = [...FILED, ['rotation', 'approve', 'submitted', 'scheduled']]
const STARTED: readonly Step[] = [...APPROVED, ['rotation', 'execute', 'scheduled', 'executing']]
const FAILED: readonly Step[] = [
  ...STARTED,
  ['item', 'fail', 'pending', 'failed'],
  ['rotation', 'settle', 'executing', 'needs_attention'],
]
const RUNNING: readonly Step[] = [
  ...STARTED,
  ['item', 'execute', 'pending', 'overlap'],
  ['rotation', 'settle', 'executing', 'overlap'],
]
const CANCELLED: Step = ['item', 'cancel', 'pending', 'cancelled']

/** Of a thousand rotations so many stand here, and came to it like this. */
const LIVES: readonly Life[] = [
  { share: 30, status: 'submitted', item: 'pending', steps: FILED },
  {
    share: 10,
    status: 'needs_info',
    item: 'pending',
    steps: [...FILED, ['rotation', 'ask', 'submitted', 'needs_info']],
  },
  { share: 10, status: 'scheduled', item: 'pending', steps: APPROVED },
  { share: 2, status: 'needs_attention', item: 'failed', steps: FAILED },
  { share: 1, status: 'executing', item: 'pending', steps: STARTED },
  { share: 50, status: 'overlap', item: 'overlap', steps: RUNNING },
  {
    share: 797,
    status: 'completed',
    item: 'retired',
    steps: [...RUNNING, ['item', 'retire', 'overlap', 'retired'], ['rotation', 'settle', 'overlap', 'completed']],
  },
  {
    share: 30,
    status: 'rejected',
    item: 'cancelled',
    steps: [...FILED, CANCELLED, ['rotation', 'reject', 'submitted', 'rejected']],
  },
  {
    share: 30,
    status: 'withdrawn',
    item: 'cancelled',
    steps: [...FILED, CANCELLED, ['rotation', 'withdraw', 'submitted', 'withdrawn']],
  },
  {
    share: 20,
    status: 'expired',
    item: 'cancelled',
    steps: [...FILED, CANCELLED, ['rotation', 'expire', 'submitted', 'expired']],
  },
  {
    share: 10,
    status: 'rolled_back',
    item: 'rolled_back',
    steps: [
      ...RUNNING,
      ['item', 'roll_back', 'overlap', 'rolled_back'],
      ['rotation', 'settle', 'overlap', 'rolled_back'],
    ],
  },
  {
    share: 10,
    status: 'closed',
    item: 'cancelled',
    steps: [...FAILED, ['item', 'cancel', 'failed', 'cancelled'], ['rotation', 'close', 'needs_attention', 'closed']],
  },
]
/** Every one of them keeps its key from being in another: they stand first in each thousand. */
const LIVE_IN_A_THOUSAND = 103

function lifeRows() {
  let from = 0
  return LIVES.map(({ share, status, item, steps }) => {
    from += share
    const count = (subject: string) => steps.filter(([of]) => of === subject).length
    return sql`(${from - share}::int, ${from}::int, ${status}, ${item}, ${count('rotation')}::int, ${count('item')}::int)`
  })
}

function stepRows() {
  return LIVES.flatMap(({ status, steps }) =>
    steps.map(([subject, move, before, after], i) => {
      const sequence = steps.slice(0, i + 1).filter(([of]) => of === subject).length
      return sql`(${status}, ${i}::int, ${subject}, ${move}, ${before}, ${after}, ${sequence}::int)`
    }),
  )
}

/** Customers grow with what they file: an organisation for each 100 rotations, with two people and ten services of two keys. */
async function fillCustomers(db: Db, rotations: number): Promise<void> {
  const numbers = sql`generate_series(1, ${rotations / 100}::int) as o`
  await sql`insert into organisation (id, name, created_at)
    select 'org_bench' || o, 'Customer ' || o, now() - interval '2 years' from ${numbers}`.execute(db)
  await sql`insert into person (id, email, name, password_hash, created_at)
    select 'per_bench' || o || '_' || p, 'p' || p || '@customer' || o || '.example', 'Person ' || o || '-' || p, 'set', now()
    from ${numbers}, generate_series(1, 2) as p`.execute(db)
  await sql`insert into membership (person_id, organisation_id, role, created_at)
    select 'per_bench' || o || '_' || p, 'org_bench' || o, 'owner', now()
    from ${numbers}, generate_series(1, 2) as p`.execute(db)
  await sql`insert into service (id, organisation_id, name, environment, created_at)
    select 'svc_bench' || o || '_' || s, 'org_bench' || o, 'Service ' || o || '-' || s, 'live', now()
    from ${numbers}, generate_series(1, 10) as s`.execute(db)
  await sql`insert into key (id, service_id, organisation_id, kind, name, permission, created_at)
    select 'key_bench' || ((o - 1) * 20 + (s - 1) * 2 + k), 'svc_bench' || o || '_' || s, 'org_bench' || o,
      case k when 1 then 'auth' else 'admin' end, 'Key', 'read_write', now()
    from ${numbers}, generate_series(1, 10) as s, generate_series(1, 2) as k`.execute(db)
}

/** Which rotation, when, whose and with which key; one table that the others are made from. */
async function planRotations(db: Db, rotations: number, { otherAgent }: DeskWorld): Promise<void> {
  await sql`create table bench_life (first int, past int, status text, item text, moves int, item_moves int)`.execute(
    db,
  )
  await sql`insert into bench_life values ${sql.join(lifeRows())}`.execute(db)
  await sql`
    create table bench_step (
      status text, position int, subject text, move text, from_status text, to_status text, sequence int
    )`.execute(db)
  await sql`insert into bench_step values ${sql.join(stepRows())}`.execute(db)
  const live = sql`n % 1000 < ${LIVE_IN_A_THOUSAND}::int`
  await sql`create table bench_rotation as
    select planned.*, key.service_id, key.organisation_id, key.kind, 'ROT-' || (1000000 + n) as ref,
      'per_bench' || substring(key.organisation_id from 10) || '_1' as owner_id,
      case when n % 3 = 0 then ${otherAgent.personId} end as assignee_id
    from (
      select n, life.*, ${live} as live, 'key_bench' || (case when ${live}
          then n / 1000 * ${LIVE_IN_A_THOUSAND}::int + n % 1000 else (n * 7919::bigint) % ${rotations / 5}::int end + 1) as key_id,
        now() - case when ${live} then spread * interval '18 minutes'
          else interval '15 days' + spread * interval '8 hours' end as created_at
      from generate_series(0, ${rotations}::int - 1) as n
        cross join lateral (select ('x' || left(md5(n::text), 6))::bit(24)::int % 1000 as spread) as chance
        join bench_life as life on n % 1000 >= life.first and n % 1000 < life.past
    ) as planned join key on key.id = key_id`.execute(db)
  await sql`analyze bench_rotation`.execute(db)
}

/** An entry for each move, in one chain for each organisation. The hashes chain nothing: nobody verifies them here. */
async function fillHistories(db: Db): Promise<void> {
  await sql`create table bench_move as
    select r.n, r.ref, r.organisation_id, r.created_at + s.position * interval '40 minutes' as at, s.*,
      row_number() over (partition by r.organisation_id order by r.n, s.position) as entry
    from bench_rotation as r join bench_step as s on s.status = r.status`.execute(db)
  await sql`insert into audit_entry (chain, sequence, body, previous_hash, hash, at)
    select organisation_id, entry, json_build_object('at', at, 'action', subject || '.' || move, 'actor', 'worker',
        'rotation', ref, 'item', 'itm_bench' || n, 'from', from_status, 'to', to_status)::text,
      sha256(int8send(n)), sha256(int8send(n) || int8send(entry)), at
    from bench_move`.execute(db)
  await sql`insert into audit_head (chain, sequence, hash)
    select organisation_id, max(entry), sha256('') from bench_move group by 1`.execute(db)
  await sql`
    insert into rotation_history (rotation_ref, sequence, move, from_status, to_status, at, audit_chain, audit_sequence)
    select ref, sequence, move, from_status, to_status, at, organisation_id, entry
    from bench_move where subject = 'rotation'`.execute(db)
  await sql`
    insert into item_history (item_id, sequence, move, from_status, to_status, at, audit_chain, audit_sequence)
    select 'itm_bench' || n, sequence, move, from_status, to_status, at, organisation_id, entry
    from bench_move where subject = 'item'`.execute(db)
}

async function fillRotations(db: Db): Promise<void> {
  const decided = sql`moves > 2 or status in ('scheduled', 'rejected')`
  await sql`
    insert into rotation (ref, organisation_id, requester_id, filed_by_id, status, history_sequence, reason, overlap_seconds,
      approvals_needed, assignee_id, created_at, first_response_at, decided_at, completed_at, next_deadline)
    select ref, organisation_id, owner_id, owner_id, status, moves, case when n % 20 = 7 then 'compromised' else 'scheduled' end,
      86400 * 20, 1 + (n % 10 = 1)::int, assignee_id, created_at,
      case when ${decided} then created_at + (n % 50) * interval '7 minutes' end,
      case when ${decided} then created_at + (n % 90) * interval '11 minutes' end,
      case when not live then created_at + interval '20 days' end,
      case when live then created_at + interval '14 days' end
    from bench_rotation`.execute(db)
  const made = sql`item in ('overlap', 'retired', 'rolled_back')`
  await sql`
    insert into version (id, key_id, organisation_id, hash, last4, created_at, active_from)
    select 'ver_bench' || v || '_' || n, key_id, organisation_id, sha256(int8send(n) || int8send(v)),
      substring(md5(n || '-' || v) from 1 for 4), created_at, created_at
    from bench_rotation, generate_series(1, 2) as v where ${made}`.execute(db)
  await sql`
    insert into item (id, rotation_ref, organisation_id, position, service_id, key_id, kind, status, history_sequence,
      old_version_id, new_version_id, generated_at, overlap_ends_at, problem, attempts)
    select 'itm_bench' || n, ref, organisation_id, 0, service_id, key_id, kind, item, item_moves,
      case when ${made} then 'ver_bench1_' || n end, case when ${made} then 'ver_bench2_' || n end,
      case when ${made} then created_at + (n % 90) * interval '12 minutes' end,
      case when ${made} then created_at + interval '20 days' end,
      case when item = 'failed' then 'The key has no working version left to replace.' end, (item = 'failed')::int
    from bench_rotation`.execute(db)
}

async function fillDecisions(db: Db, { agent }: DeskWorld): Promise<void> {
  await sql`insert into approval (rotation_ref, revision, agent_id, at)
    select ref, 1, ${agent.personId}, created_at from bench_rotation
    where moves > 2 or status = 'scheduled' or (status = 'submitted' and n % 10 = 1)`.execute(db)
  await sql`
    insert into follow_up (id, rotation_ref, organisation_id, type, status, item_ids, requested_by, requested_at, approvals_needed)
    select 'fup_bench' || n, ref, organisation_id, 'extension', case when live then 'requested' else 'done' end,
      array['itm_bench' || n], owner_id, created_at, live::int
    from bench_rotation where (live and status = 'overlap' and n % 25 = 3) or (status = 'completed' and n % 100 = 3)`.execute(
    db,
  )
}

/** So many rotations in every stage of their lives, with histories and audit entries; a multiple of 1 000. */
export async function fillWithRotations(db: Db, desk: DeskWorld, rotations: number): Promise<void> {
  await db.connection().execute(async (connection) => {
    // Two million checks of references take minutes; what is written for a thousand with them holds for more without them.
    const unchecked = rotations > 1_000
    if (unchecked) await sql`set session_replication_role = replica`.execute(connection)
    await fillCustomers(connection, rotations)
    await planRotations(connection, rotations, desk)
    await fillHistories(connection)
    await fillRotations(connection)
    await fillDecisions(connection, desk)
    if (unchecked) {
      await sql`set session_replication_role = origin`.execute(connection)
      // Without triggers nothing marked the months.
      await sql`select mark_report_month(created_at) from bench_rotation`.execute(connection)
    }
    await sql`drop table bench_life, bench_step, bench_move, bench_rotation`.execute(connection)
    await sql`vacuum analyze`.execute(connection)
  })
}

import { sql } from 'kysely'
import type { Db } from '../../src/database/connect.ts'
import { entryHash, GENESIS_HASH } from '../../src/rules/audit-chain.ts'

/** One thing that must never be, as a query for the rows that break it. */
type Rule = { name: string; query: (db: Db) => Promise<string[]> }

function rule(name: string, text: ReturnType<typeof sql<{ id: string }>>): Rule {
  return { name, query: async (db) => (await text.execute(db)).rows.map((row) => row.id) }
}

const RULES: Rule[] = [
  rule(
    'I1 exactly one new version per executed item, and one per re-issue',
    sql`select i.id from item i where i.status in ('overlap', 'retired', 'rolled_back') and (
      select 1 + count(*) from reissue join version lost on lost.id = from_version_id where lost.key_id = i.key_id
        and at >= i.generated_at and not exists (select from item later where later.key_id = i.key_id
          and later.generated_at > i.generated_at and later.generated_at <= at)) <> (
      select count(*) from version v where v.key_id = i.key_id and v.created_at >= i.generated_at
        and not exists (select from item later where later.key_id = i.key_id and later.generated_at > i.generated_at
          and later.generated_at <= v.created_at))`,
  ),
  rule(
    "I1 no version without an item, beside a key's first one",
    sql`select v.id from version v
      where not exists (select from item i where i.new_version_id = v.id)
        and not exists (select from reissue where v.id in (from_version_id, to_version_id))
        and exists (select from version first where first.key_id = v.key_id
          and (first.created_at, first.id) < (v.created_at, v.id))`,
  ),
  rule(
    'I1 a re-issue kills its predecessor, once, and nothing but a newer one takes its place',
    sql`select r.from_version_id as id from reissue r join version lost on lost.id = r.from_version_id
        join version made on made.id = r.to_version_id
      where lost.revoked_at is distinct from r.at or lost.sealed is not null or lost.age_file is not null
        or made.key_id <> lost.key_id or made.created_at <> r.at
        or exists (select from item i where i.new_version_id = r.from_version_id)
        or 1 <> (select count(*) from audit_entry a where a.action = 'version.reissue'
          and a.body::jsonb ->> 'version' = lost.id and a.body::jsonb ->> 'newVersion' = made.id)`,
  ),
  rule(
    'I2 an accepted version during every overlap',
    sql`select i.id from item i where i.status = 'overlap' and not exists (
      select from version v where v.key_id = i.key_id and v.revoked_at is null and v.rolled_back_at is null
        and v.active_from <= clock_timestamp() and (v.accepted_until is null or v.accepted_until > clock_timestamp()))`,
  ),
  rule(
    'at most two accepted versions per key',
    sql`select v.key_id as id from version v where v.revoked_at is null and v.rolled_back_at is null
        and (v.accepted_until is null or v.accepted_until > clock_timestamp())
      group by v.key_id having count(*) > 2`,
  ),
  rule(
    'the old version ends no later than the overlap asked for, or more time that was given, 30 days, and its own end',
    sql`select i.id from item i join version v on v.id = i.old_version_id join rotation r on r.ref = i.rotation_ref
      where i.status in ('overlap', 'retired') and (v.accepted_until is null
        or v.accepted_until > i.generated_at + r.overlap_seconds * interval '1 second' and not exists (
          select from follow_up f where f.rotation_ref = r.ref and f.type = 'extension' and f.status = 'done'
            and i.id = any (f.item_ids) and v.accepted_until <= f.at)
        or v.accepted_until > i.generated_at + interval '30 days'
        or v.accepted_until > coalesce(v.own_end, 'infinity'))`,
  ),
  rule(
    'a clock that pick-up starts has run once the new version is picked up, and the old one ends by it unless it was given more time',
    sql`select i.id from item i join rotation r on r.ref = i.rotation_ref
      join version old on old.id = i.old_version_id join version new on new.id = i.new_version_id
      where i.status in ('overlap', 'retired') and r.overlap_ends = 'on_pickup' and coalesce(new.revealed_at, new.acknowledged_at) is not null
        and not exists (select from follow_up f where f.rotation_ref = r.ref and f.type = 'extension'
          and f.status = 'done' and i.id = any (f.item_ids))
        and (i.status = 'overlap' and new.clock_starts is not null or old.revoked_at is null and old.accepted_until
          > greatest(new.revealed_at, new.acknowledged_at, new.active_from) + r.grace_seconds * interval '1 second')`,
  ),
  rule(
    'an end that a clock moved forward is told, or about to be',
    sql`select a.rotation as id from audit_entry a where a.action = 'rotation.start_clock' and not exists (
        select from letter l where l.thread = a.rotation and l.kind = 'stops-sooner')
      and not exists (select from reminder m where m.rotation_ref = a.rotation and m.kind = 'clock_started')
      and not exists (select from follow_up f where f.rotation_ref = a.rotation and f.type <> 'extension' or f.status = 'done')`,
  ),
  rule(
    'I10 a rolled back item has its new version deleted, and its old one works as long as it had by itself',
    sql`select i.id from item i join version new on new.id = i.new_version_id join version old on old.id = i.old_version_id
      where i.status = 'rolled_back' and (new.rolled_back_at is null or new.sealed is not null
        or old.accepted_until is distinct from old.own_end and not exists (
          select from item later where later.old_version_id = old.id and later.generated_at > i.generated_at)
          and not exists (select from key k where k.id = i.key_id and k.deleted_at is not null))
      union all
      select v.id from version v where v.rolled_back_at is not null and not exists (
        select from item i where i.new_version_id = v.id and i.status = 'rolled_back')`,
  ),
  rule(
    'I10 nothing of a removed service is accepted, kept, or still in the works',
    sql`select s.id from service s where s.deleted_at is not null and (exists (
        select from key k join version v on v.key_id = k.id where k.service_id = s.id and (k.deleted_at is null
          or v.sealed is not null or v.revoked_at is null and v.rolled_back_at is null
            and (v.accepted_until is null or v.accepted_until > clock_timestamp())))
      or exists (select from item i where i.service_id = s.id and i.status in ('pending', 'overlap', 'failed')))`,
  ),
  rule(
    'a follow-up waits only for what can still happen, once per item and type',
    sql`select f.id from follow_up f where f.status = 'requested' and (not exists (
        select from item i where i.id = any (f.item_ids) and i.status = 'overlap') or exists (
        select from follow_up other where other.status = 'requested' and other.type = f.type and other.id <> f.id
          and other.item_ids && f.item_ids))`,
  ),
  rule(
    'a follow-up is done with the approvals it needed, each of another agent',
    sql`select f.id from follow_up f where f.status = 'done' and f.approvals_needed <> (
      select count(*) from follow_up_approval a where a.follow_up_id = f.id)
      or f.status <> 'requested' and f.decided_at is null`,
  ),
  rule(
    "I4 a transition's audit entry tells of that transition",
    sql`select h.rotation_ref as id from rotation_history h join audit_entry a
        on (a.chain, a.sequence) = (h.audit_chain, h.audit_sequence)
      where a.action <> 'rotation.' || h.move or a.rotation <> h.rotation_ref or a.body::jsonb ->> 'to' <> h.to_status
      union all
      select h.item_id from item_history h join audit_entry a
        on (a.chain, a.sequence) = (h.audit_chain, h.audit_sequence)
      where a.action <> 'item.' || h.move or a.body::jsonb ->> 'item' <> h.item_id
        or a.body::jsonb ->> 'to' <> h.to_status`,
  ),
  rule(
    'I4 an audit entry of a transition has its transition',
    sql`select a.chain || '/' || a.sequence as id from audit_entry a where a.body::jsonb ? 'to'
      and not exists (select from rotation_history h where (h.audit_chain, h.audit_sequence) = (a.chain, a.sequence))
      and not exists (select from item_history h where (h.audit_chain, h.audit_sequence) = (a.chain, a.sequence))`,
  ),
  rule(
    'I7 a revealed version has no ciphertext, and one reveal',
    sql`select v.id from version v where v.revealed_at is not null and (v.sealed is not null or 1 <> (
      select count(*) from audit_entry a where a.action = 'version.reveal' and a.body::jsonb ->> 'version' = v.id))`,
  ),
  rule(
    'I6 a secret that is delivered is kept in one way, and in none once it is acknowledged or has ended',
    sql`select v.id from version v where v.sealed is not null and v.age_file is not null
      or v.age_recipient is not null and v.sealed is not null
      or v.acknowledged_at is not null and (v.age_file is not null or v.sealed is not null or v.fetched_at is null
        or 1 <> (select count(*) from audit_entry a where a.action = 'version.acknowledge'
          and a.body::jsonb ->> 'version' = v.id))
      or v.rolled_back_at is not null and v.age_file is not null`,
  ),
  rule(
    'I8 a rotation stands where its items are',
    sql`select r.ref as id from rotation r where r.status in ('overlap', 'completed') and exists (
      select from item i where i.rotation_ref = r.ref and i.status in ('pending', 'failed'))
      or r.status = 'completed' and exists (
      select from item i where i.rotation_ref = r.ref and i.status = 'overlap')
      or r.status in ('withdrawn', 'rejected', 'expired') and exists (
      select from item i where i.rotation_ref = r.ref and i.status <> 'cancelled')
      or r.status = 'rolled_back' and exists (
      select from item i where i.rotation_ref = r.ref and i.status <> 'rolled_back')
      or r.status = 'closed' and (r.decision_reason is null or exists (
      select from item i where i.rotation_ref = r.ref and i.status in ('pending', 'overlap', 'failed')))`,
  ),
  rule(
    'what happened was put into a letter',
    sql`select h.rotation_ref as id from rotation_history h join (values ('scheduled', 'approved'), ('rejected', 'rejected'),
        ('withdrawn', 'withdrawn'), ('completed', 'completed'), ('rolled_back', 'rolled-back'), ('closed', 'closed'))
        as told (status, kind) on told.status = h.to_status
      where not exists (select from letter l where l.thread = h.rotation_ref and l.kind = case
        when told.kind = 'approved' and exists (select from audit_entry a where a.chain = h.audit_chain
          and a.sequence = h.audit_sequence and a.body::jsonb ->> 'byPolicy' = 'true') then 'received'
        else told.kind end)
      union all
      select f.id from follow_up f where f.status = 'done' and f.type = 'extension' and not exists (
        select from letter l where l.thread = f.rotation_ref and l.kind = 'extended' and l.natural_key like '%' || f.id || '%')`,
  ),
]

/** Whether every chain's hashes fit, without a gap, up to its head. */
async function findBrokenChains(db: Db): Promise<string[]> {
  const broken: string[] = []
  for (const head of await db.selectFrom('auditHead').selectAll().execute()) {
    const entries = await db
      .selectFrom('auditEntry')
      .selectAll()
      .where('chain', '=', head.chain)
      .orderBy('sequence')
      .execute()
    let hash: Buffer = GENESIS_HASH
    for (const [index, entry] of entries.entries()) {
      const expected = entryHash(hash, head.chain, index + 1, entry.body)
      if (Number(entry.sequence) !== index + 1 || !expected.equals(entry.hash))
        broken.push(`${head.chain}/${index + 1}`)
      hash = entry.hash
    }
    if (Number(head.sequence) !== entries.length || !hash.equals(head.hash)) broken.push(`${head.chain}/head`)
  }
  return broken
}

/** Every invariant that the database breaks right now, in words; empty when all hold. */
export async function findViolations(db: Db): Promise<string[]> {
  const violations: string[] = []
  for (const { name, query } of RULES) {
    for (const id of await query(db)) violations.push(`${name}: ${id}`)
  }
  for (const place of await findBrokenChains(db)) violations.push(`I4 the chain verifies: ${place}`)
  return violations
}

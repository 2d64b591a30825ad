import { sql } from 'kysely'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import { LIVE_ITEM_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import type { Trx } from '../connect.ts'

/** A key whose newest version has reached an age at which its service's policy wants something done. */
export type OldKey = {
  keyId: string
  serviceId: string
  kind: KeyKind
  name: string
  service: string
  environment: Environment
  versionId: string
  createdAt: Date
  ownEnd: Date | null
  remindDue: boolean
  fileDue: boolean
}

/**
 * Claims the organisation whose keys' ages were not looked at for longest, unless another worker has it or it isn't time yet, and holds it
 * until the commit.
 */
export async function claimOrganisationByAges(trx: Trx): Promise<{ id: string } | undefined> {
  return trx
    .selectFrom('organisation')
    .select('id')
    .where('agesDueAt', '<=', sql<Date>`now()`)
    .orderBy('agesDueAt')
    .limit(1)
    .forNoKeyUpdate()
    .skipLocked()
    .executeTakeFirst()
}

/**
 * The keys of an organisation that have got old at `at` and were not reminded of, or filed, for that in as long a time: at most `limit`, the
 * oldest first. Left out are disabled ones, ones that nothing accepted is left of, and those in a live rotation.
 */
export async function findOldKeys(trx: Trx, organisationId: string, at: Date, limit: number): Promise<OldKey[]> {
  const { rows } = await sql<OldKey>`
    with aged as (
      select k.id as key_id, k.service_id, k.kind, k.name, s.name as service, s.environment,
        v.id as version_id, v.created_at, v.own_end, a.reminded_at, a.filed_at,
        make_interval(days => nullif(coalesce(o.remind_age_days, p.remind_age_days), 0)) as remind_age,
        make_interval(days => nullif(coalesce(o.file_age_days, p.file_age_days), 0)) as file_age
      from key k
      join service s on s.id = k.service_id and s.deleted_at is null
      cross join policy p
      left join service_policy o on o.service_id = s.id
      join lateral (
        select id, created_at, own_end from version
        where key_id = k.id and active_from <= ${at} and revoked_at is null and rolled_back_at is null
          and (revoke_from is null or revoke_from > ${at}) and (accepted_until is null or accepted_until > ${at})
        order by created_at desc, id desc limit 1) v on true
      left join version_age a on a.version_id = v.id
      where k.organisation_id = ${organisationId} and k.enabled and k.deleted_at is null
        and not exists (
          select from item i where i.key_id = k.id and i.status = any (${sql.val([...LIVE_ITEM_STATUSES])}::text[]))
    ), due as (
      select *,
        coalesce(created_at + remind_age <= ${at} and coalesce(reminded_at + remind_age <= ${at}, true), false) as remind_due,
        coalesce(created_at + file_age <= ${at} and coalesce(filed_at + file_age <= ${at}, true), false) as file_due
      from aged
    )
    select key_id, service_id, kind, name, service, environment, version_id, created_at, own_end, remind_due, file_due
    from due where remind_due or file_due order by created_at, key_id limit ${limit}`.execute(trx)
  return rows
}

/** Remembers that these versions were reminded of, or a rotation filed for them, so that it is done again only a whole age later. */
export async function markAges(
  trx: Trx,
  versionIds: readonly string[],
  done: { remindedAt: Date } | { filedAt: Date },
): Promise<void> {
  if (versionIds.length === 0) return
  await trx
    .insertInto('versionAge')
    .values(versionIds.map((versionId) => ({ versionId, ...done })))
    .onConflict((conflict) => conflict.column('versionId').doUpdateSet(done))
    .execute()
}

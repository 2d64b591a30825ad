import { sql } from 'kysely'
import type { StaffRole } from '../../rules/permissions.ts'
import { mayDecide } from '../../rules/rotations/approvals.ts'
import type { Trx } from '../connect.ts'

/** What waits for a person: undecided requests, follow-ups, trouble; questions, new keys that nobody picked up. */
export type WaitingRow = {
  waiting: 'decide' | 'follow_up' | 'trouble' | 'question' | 'not_picked_up'
  ref: string
  organisation: string
  organisationId: string
  reason: string
  /** When it ends by itself. */
  until: Date | null
}

/** Enough to tell people that there is a lot; nobody's digest looks at more. */
const MOST = 500

type Reader = { personId: string; staffRole: StaffRole; organisationIds: readonly string[] }
type Undecided = WaitingRow & { requesterId: string; filedById: string | null }

/** Requests and follow-ups that this person may decide and has not. */
async function findUndecided(trx: Trx, { personId, staffRole, organisationIds }: Reader): Promise<WaitingRow[]> {
  const { rows } = await sql<Undecided>`
    select 'decide' as waiting, ref, organisation.name as organisation, organisation_id as "organisationId", reason,
      next_deadline as until, requester_id as "requesterId", filed_by_id as "filedById"
    from rotation join organisation on organisation.id = organisation_id
    where status = 'submitted' and not exists (
      select from approval where rotation_ref = ref and approval.revision = rotation.revision and agent_id = ${personId})
    union all
    select 'follow_up', ref, organisation.name, rotation.organisation_id, reason,
      next_deadline, requester_id, filed_by_id
    from follow_up join rotation on ref = rotation_ref join organisation on organisation.id = rotation.organisation_id
    where follow_up.status = 'requested' and follow_up.approvals_needed > 0 and not exists (
      select from follow_up_approval where follow_up_id = follow_up.id and agent_id = ${personId})
    order by until limit ${MOST}`.execute(trx)
  return rows
    .filter((rotation) => mayDecide({ id: personId, staffRole, organisationIds }, rotation))
    .map(({ waiting, ref, organisation, organisationId, reason, until }) => ({
      waiting,
      ref,
      organisation,
      organisationId,
      reason,
      until,
    }))
}

async function findTrouble(trx: Trx): Promise<WaitingRow[]> {
  const { rows } = await sql<WaitingRow>`
    select 'trouble' as waiting, ref, organisation.name as organisation, organisation_id as "organisationId", reason,
      null as until
    from rotation join organisation on organisation.id = organisation_id
    where status = 'needs_attention' order by rotation.created_at limit ${MOST}`.execute(trx)
  return rows
}

/** What waits for one of the staff. */
export async function findWaitingForStaff(trx: Trx, reader: Reader): Promise<WaitingRow[]> {
  return [...(await findUndecided(trx, reader)), ...(await findTrouble(trx))]
}

/** What waits for a person in the organisations they belong to: questions for owners, new keys for whoever may pick them up. */
export async function findWaitingForMember(trx: Trx, personId: string, now: Date): Promise<WaitingRow[]> {
  const { rows } = await sql<WaitingRow>`
    select 'question' as waiting, ref, organisation.name as organisation, rotation.organisation_id as "organisationId",
      reason, next_deadline as until
    from membership join rotation using (organisation_id) join organisation on organisation.id = organisation_id
    where membership.person_id = ${personId} and membership.role = 'owner' and rotation.status = 'needs_info'
    union all
    select 'not_picked_up', ref, organisation.name, rotation.organisation_id, reason, min(overlap_ends_at)
    from membership join item using (organisation_id) join rotation on ref = rotation_ref
      join organisation on organisation.id = rotation.organisation_id join version on version.id = new_version_id
    where membership.person_id = ${personId} and item.status = 'overlap' and coalesce(revealed_at, acknowledged_at) is null
      and overlap_ends_at > ${now}
      and (membership.role = 'owner' or (membership.role = 'developer' and membership.may_reveal))
    group by ref, organisation.name, rotation.organisation_id, reason
    order by until limit ${MOST}`.execute(trx)
  return rows
}

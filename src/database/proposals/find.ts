import { sql } from 'kysely'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import type { ProposalCause } from '../../rules/proposals.ts'
import { LIVE_ITEM_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import type { Db } from '../connect.ts'
import type { Viewer } from '../rotations/views.ts'

type ProposedKey = {
  id: string
  serviceId: string
  kind: KeyKind
  name: string
  service: string
  environment: Environment
}

/** A rotation that the desk proposes: somebody who may have seen these keys changed their password, or went. */
export type ProposalView = {
  id: string
  organisationId: string
  person: { id: string; name: string }
  cause: ProposalCause
  at: Date
  /** Those of its keys that still are what they were then, and in no live rotation. */
  keys: ProposedKey[]
}

/** As many keys as one rotation takes. */
export const MOST_PROPOSED = 100

async function findKeysOf(db: Db, proposalIds: readonly string[]): Promise<(ProposedKey & { proposalId: string })[]> {
  const { rows } = await sql<ProposedKey & { proposalId: string }>`
    select p.id as proposal_id, k.id, k.service_id, k.kind, k.name, s.name as service, s.environment
    from proposal p
    join key k on k.id = any (p.key_ids) and k.organisation_id = p.organisation_id and k.enabled and k.deleted_at is null
    join service s on s.id = k.service_id and s.deleted_at is null
    where p.id = any (${proposalIds}::text[])
      and not exists (
        select from item i where i.key_id = k.id and i.status = any (${sql.val([...LIVE_ITEM_STATUSES])}::text[]))
      and exists (
        select from version v where v.key_id = k.id and v.created_at <= p.at and v.revoked_at is null
          and v.rolled_back_at is null and (v.accepted_until is null or v.accepted_until > clock_timestamp()))
    order by s.name, k.kind desc, k.id`.execute(db)
  return rows
}

/** The open proposals that the viewer may see, the newest first, or the one of this id. Those of which nothing is left to rotate are left out. */
export async function findProposals(db: Db, viewer: Viewer, id?: string): Promise<ProposalView[]> {
  let query = db
    .selectFrom('proposal')
    .innerJoin('person', 'person.id', 'proposal.personId')
    .select(['proposal.id', 'proposal.organisationId', 'proposal.cause', 'proposal.at'])
    .select(['person.id as personId', 'person.name'])
    .where('proposal.endedAt', 'is', null)
    .orderBy('proposal.at', 'desc')
    .orderBy('proposal.id')
    .limit(100)
  if (viewer.organisationId !== null) query = query.where('proposal.organisationId', '=', viewer.organisationId)
  if (id !== undefined) query = query.where('proposal.id', '=', id)
  const rows = await query.execute()
  const found = await findKeysOf(
    db,
    rows.map((row) => row.id),
  )
  const views = rows.map(({ personId, name, ...row }) => {
    const keys = found.filter((key) => key.proposalId === row.id).map(({ proposalId: _, ...key }) => key)
    return { ...row, person: { id: personId, name }, keys }
  })
  return views.filter(({ keys }) => keys.length > 0)
}

/** The keys of the organisation whose present secret this person picked up, or else all that they may know from elsewhere. */
export async function findSeenKeyIds(
  db: Db,
  organisationId: string,
  personId: string,
): Promise<{ seen: string[]; all: string[] }> {
  const { rows } = await sql<{ id: string; seen: boolean }>`
    select k.id, bool_or(${personId} in (v.revealed_by, v.acknowledged_by)) is true as seen
    from key k
    join service s on s.id = k.service_id and s.deleted_at is null
    join version v on v.key_id = k.id and v.revoked_at is null and v.rolled_back_at is null
      and (v.accepted_until is null or v.accepted_until > clock_timestamp())
    where k.organisation_id = ${organisationId} and k.enabled and k.deleted_at is null
    group by k.id order by k.id`.execute(db)
  return { seen: rows.filter(({ seen }) => seen).map(({ id }) => id), all: rows.map(({ id }) => id) }
}

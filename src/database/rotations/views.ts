import { sql } from 'kysely'
import type { FiledTerms } from '../../rules/policy.ts'
import type { Reason } from '../../rules/rotations/approvals.ts'
import type { OverlapEnds } from '../../rules/rotations/overlap.ts'
import type { RotationStatus } from '../../rules/rotations/rotation-lifecycle.ts'
import type { Db } from '../connect.ts'
import { decodeCursor, ID, type Page, TIME, toPage } from '../cursor.ts'
import { type FollowUpView, findFollowUps } from './follow-ups.ts'
import { findItemViews, type ItemView } from './items.ts'
import { type Refs, searchRefs, selectRefs } from './search.ts'

/** Whose eyes look: a member's organisation, or null for staff, who see all. */
export type Viewer = { organisationId: string | null }
export type PersonName = { id: string; name: string }

/** A rotation as people see it. */
export type RotationView = {
  ref: string
  status: RotationStatus
  revision: number
  organisationId: string
  organisationName: string
  requester: PersonName
  /** Null where the desk itself filed it, for the cause in `trigger`. */
  filedBy: PersonName | null
  trigger: 'age' | 'leak' | null
  /** Where a leak report says the key was found. */
  evidenceUrl: string | null
  overlapEnds: OverlapEnds
  graceSeconds: number
  /** Approved by the policy of a self-service: by the owner's own step-up or, if one is named, by the making of that token. */
  byPolicy: boolean
  byTokenId: string | null
  reason: Reason
  details: string
  notBefore: Date | null
  overlapSeconds: number
  /** Of the policies as they were when it was filed. */
  terms: FiledTerms
  createdAt: Date
  decidedAt: Date | null
  decisionReason: string | null
  completedAt: Date | null
  approvalsNeeded: number
  /** Of the current revision. */
  approvals: { by: PersonName; at: Date; note: string }[]
  assignee: PersonName | null
  nextDeadline: Date | null
  items: ItemView[]
  followUps: FollowUpView[]
  /** How whoever filed it on behalf made sure of the caller; null when the requester filed it. */
  verifiedBy: string | null
  /** Why it needs attention, or was closed, as a whole. */
  problem: string | null
  /** The rotation whose place this one took, and the one that took its place. */
  replaces: string | null
  replacedBy: string | null
}

const BASE = ['ref', 'status', 'revision', 'reason', 'details', 'notBefore', 'overlapSeconds', 'createdAt'] as const
const DECIDED = ['decidedAt', 'decisionReason', 'completedAt', 'approvalsNeeded', 'nextDeadline'] as const
const SPECIAL = ['verifiedBy', 'problem', 'replacesRef as replaces', 'trigger', 'evidenceUrl'] as const
const ENDING = ['terms', 'overlapEnds', 'graceSeconds', 'byPolicy', 'byTokenId'] as const

function selectRotations(db: Db, viewer: Viewer) {
  const query = db
    .selectFrom('rotation')
    .innerJoin('organisation', 'organisation.id', 'rotation.organisationId')
    .innerJoin('person as requester', 'requester.id', 'rotation.requesterId')
    .leftJoin('person as filer', 'filer.id', 'rotation.filedById')
    .leftJoin('person as assignee', 'assignee.id', 'rotation.assigneeId')
    .select([...BASE.map((name) => `rotation.${name}` as const), ...DECIDED.map((name) => `rotation.${name}` as const)])
    .select([
      ...SPECIAL.map((name) => `rotation.${name}` as const),
      ...ENDING.map((name) => `rotation.${name}` as const),
    ])
    .select((is) =>
      is
        .selectFrom('rotation as later')
        .select('later.ref')
        .whereRef('later.replacesRef', '=', 'rotation.ref')
        .limit(1)
        .as('replacedBy'),
    )
    .select(['rotation.organisationId', 'organisation.name as organisationName'])
    .select(['requester.id as requesterId', 'requester.name as requesterName'])
    .select(['filer.id as filerId', 'filer.name as filerName'])
    .select(['assignee.id as assigneeId', 'assignee.name as assigneeName'])
  return viewer.organisationId === null ? query : query.where('rotation.organisationId', '=', viewer.organisationId)
}

type Row = Awaited<ReturnType<ReturnType<typeof selectRotations>['execute']>>[number]

async function findApprovals(db: Db, refs: readonly string[]) {
  return db
    .selectFrom('approval')
    .innerJoin('rotation', (join) =>
      join.onRef('rotation.ref', '=', 'approval.rotationRef').onRef('rotation.revision', '=', 'approval.revision'),
    )
    .innerJoin('person', 'person.id', 'approval.agentId')
    .select(['approval.rotationRef', 'approval.at', 'approval.note', 'person.id', 'person.name'])
    .where('approval.rotationRef', 'in', refs)
    .orderBy('approval.at')
    .execute()
}

/** Completes rows with what hangs on them, three statements for any number of rows. */
async function complete(db: Db, rows: readonly Row[]): Promise<RotationView[]> {
  const refs = rows.map((row) => row.ref)
  if (refs.length === 0) return []
  const items = await findItemViews(db, refs)
  const approvals = await findApprovals(db, refs)
  const followUps = await findFollowUps(db, refs)
  return rows.map(({ requesterId, requesterName, filerId, filerName, assigneeId, assigneeName, ...row }) => ({
    ...row,
    requester: { id: requesterId, name: requesterName },
    filedBy: filerId === null ? null : { id: filerId, name: filerName ?? '' },
    assignee: assigneeId === null ? null : { id: assigneeId, name: assigneeName ?? '' },
    items: items.filter((item) => item.rotationRef === row.ref),
    approvals: approvals
      .filter((approval) => approval.rotationRef === row.ref)
      .map(({ id, name, at, note }) => ({ by: { id, name }, at, note })),
    followUps: followUps.filter((followUp) => followUp.rotationRef === row.ref),
  }))
}

/** One rotation, if it is there and the viewer may see it. */
export async function findRotation(db: Db, viewer: Viewer, ref: string): Promise<RotationView | undefined> {
  const row = await selectRotations(db, viewer).where('rotation.ref', '=', ref).executeTakeFirst()
  return row === undefined ? undefined : (await complete(db, [row]))[0]
}

/** The rotations with these references that the viewer may see, in this order. */
export async function findRotationsIn(db: Db, viewer: Viewer, refs: readonly string[]): Promise<RotationView[]> {
  if (refs.length === 0) return []
  const rows = await selectRotations(db, viewer).where('rotation.ref', 'in', refs).execute()
  const rotations = new Map((await complete(db, rows)).map((rotation) => [rotation.ref, rotation]))
  return refs.flatMap((ref) => rotations.get(ref) ?? [])
}

export type RotationFilter = {
  status?: readonly RotationStatus[] | undefined
  organisationId?: string | undefined
  assigneeId?: string | undefined
  /** How a reference begins, part of an organisation's, person's or service's name or of an email address, or the last 4 of a key. */
  q?: string | undefined
  /** Newest first, or what is due or late first. */
  sort?: 'created' | 'deadline' | undefined
  cursor?: string | undefined
  limit: number
}

const DEADLINE = sql<Date>`coalesce(rotation.next_deadline, 'infinity')`

/** Leaves what the viewer may see and the filter lets through, in its order, from its cursor on: a page and one more. */
function narrowTo(viewer: Viewer, filter: RotationFilter) {
  const byDeadline = filter.sort === 'deadline'
  const [at = '', ref = ''] = filter.cursor === undefined ? [] : decodeCursor(filter.cursor, [TIME, ID])
  const place = sql`(${at}::timestamptz, ${ref})`
  return (refs: Refs): Refs => {
    let query = refs.limit(filter.limit + 1)
    if (viewer.organisationId !== null) query = query.where('rotation.organisationId', '=', viewer.organisationId)
    if (filter.status !== undefined && filter.status.length > 0)
      query = query.where('rotation.status', 'in', filter.status)
    if (filter.organisationId !== undefined) query = query.where('rotation.organisationId', '=', filter.organisationId)
    if (filter.assigneeId !== undefined) query = query.where('rotation.assigneeId', '=', filter.assigneeId)
    if (byDeadline) {
      if (filter.cursor !== undefined) query = query.where(sql<boolean>`(${DEADLINE}, rotation.ref) > ${place}`)
      return query.orderBy(DEADLINE).orderBy('rotation.ref')
    }
    if (filter.cursor !== undefined) query = query.where(sql<boolean>`(rotation.created_at, rotation.ref) < ${place}`)
    return query.orderBy('rotation.createdAt', 'desc').orderBy('rotation.ref', 'desc')
  }
}

/** A page of the rotations that the viewer may see. Refuses INVALID_REQUEST for a cursor that isn't ours. */
export async function findRotations(db: Db, viewer: Viewer, filter: RotationFilter): Promise<Page<RotationView>> {
  const byDeadline = filter.sort === 'deadline'
  const narrow = narrowTo(viewer, filter)
  const refs = filter.q ? searchRefs(db, filter.q, narrow) : narrow(selectRefs(db))
  const query = selectRotations(db, viewer)
    .where(sql<boolean>`rotation.ref in (${refs})`)
    .limit(filter.limit + 1)
  const rows = byDeadline
    ? await query.orderBy(DEADLINE).orderBy('rotation.ref').execute()
    : await query.orderBy('rotation.createdAt', 'desc').orderBy('rotation.ref', 'desc').execute()
  const page = toPage(rows, filter.limit, (row) => [
    byDeadline ? (row.nextDeadline?.toISOString() ?? 'infinity') : row.createdAt.toISOString(),
    row.ref,
  ])
  return { items: await complete(db, page.items), nextCursor: page.nextCursor }
}

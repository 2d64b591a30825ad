import { sql } from 'kysely'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import { PERMISSIONS, type Permission } from '../../rules/keys/verdict.ts'
import { LIVE_ITEM_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import { type Finding, findingOf, REVIEW_DAYS } from '../../rules/watch/review.ts'
import type { Db } from '../connect.ts'
import { decodeCursor, ID, type Page, TIME, toPage } from '../cursor.ts'
import type { Viewer } from '../rotations/views.ts'

/** A key as a review looks at it: what it may do, and what it did in the last 90 days. */
export type ReviewedKey = {
  keyId: string
  kind: KeyKind
  name: string
  serviceId: string
  serviceName: string
  environment: Environment
  enabled: boolean
  permission: Permission
  permissionUsed: Permission | null
  ipRanges: string[]
  datasets: string[]
  /** How many networks it was used from. */
  networks: number
  lastUsedAt: Date | null
  createdAt: Date
  rotationRef: string | null
  finding: Finding
}

const lately = (column: string) =>
  sql<boolean>`${sql.ref(column)} >= clock_timestamp() - ${REVIEW_DAYS} * interval '1 day'`

function widest(permissions: readonly string[] | null): Permission | null {
  return PERMISSIONS.findLast((permission) => permissions?.includes(permission)) ?? null
}

/** All keys of an organisation, held against their use, by service. */
export async function findReviewedKeys(db: Db, organisationId: string): Promise<ReviewedKey[]> {
  const rows = await db
    .selectFrom('key')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .select(['key.id as keyId', 'key.kind', 'key.name', 'key.serviceId', 'service.name as serviceName'])
    .select(['service.environment', 'key.enabled', 'key.permission', 'key.ipRanges', 'key.datasets', 'key.createdAt'])
    .select((is) => [
      is
        .selectFrom('version')
        .innerJoin('versionUse', 'versionUse.versionId', 'version.id')
        .select((use) => use.fn.max('versionUse.lastUsedAt').as('at'))
        .whereRef('version.keyId', '=', 'key.id')
        .as('lastUsedAt'),
      is
        .selectFrom('permissionUse')
        .select(sql<string[]>`array_agg(permission)`.as('used'))
        .whereRef('permissionUse.keyId', '=', 'key.id')
        .where(lately('permissionUse.lastUsedAt'))
        .as('permissionsUsed'),
      is
        .selectFrom('version')
        .innerJoin('versionNetwork', 'versionNetwork.versionId', 'version.id')
        .select(sql<string>`count(distinct version_network.network)`.as('number'))
        .whereRef('version.keyId', '=', 'key.id')
        .where(lately('versionNetwork.lastUsedAt'))
        .as('networks'),
      is
        .selectFrom('item')
        .select('item.rotationRef')
        .whereRef('item.keyId', '=', 'key.id')
        .where('item.status', 'in', LIVE_ITEM_STATUSES)
        .limit(1)
        .as('rotationRef'),
    ])
    .select(sql<Date>`clock_timestamp()`.as('now'))
    .where('key.organisationId', '=', organisationId)
    .where('key.deletedAt', 'is', null)
    .where('service.deletedAt', 'is', null)
    .orderBy(sql`lower(service.name)`)
    .orderBy('service.id')
    .orderBy('key.kind', 'desc')
    .orderBy('key.createdAt')
    .orderBy('key.id')
    .execute()
  return rows.map(({ permissionsUsed, networks, now, ...row }) => {
    const key = { ...row, permissionUsed: widest(permissionsUsed), networks: Number(networks) }
    return { ...key, finding: findingOf(key, now) }
  })
}

/** What a review found about a key and decided, as it was then; times as text. */
export type StoredFinding = Omit<ReviewedKey, 'lastUsedAt' | 'createdAt' | 'rotationRef'> & {
  lastUsedAt: string | null
  decision: 'keep' | 'lower' | 'disable'
  /** After the review. */
  permissionAfter: Permission
}

export type ReviewView = {
  id: string
  organisationId: string
  organisationName: string
  by: { id: string; name: string }
  at: Date
  findings: StoredFinding[]
}

function selectReviews(db: Db, viewer: Viewer) {
  const query = db
    .selectFrom('permissionReview')
    .innerJoin('organisation', 'organisation.id', 'permissionReview.organisationId')
    .innerJoin('person', 'person.id', 'permissionReview.by')
    .select(['permissionReview.id', 'permissionReview.organisationId', 'organisation.name as organisationName'])
    .select(['person.id as personId', 'person.name as personName', 'permissionReview.at', 'permissionReview.findings'])
  return viewer.organisationId === null
    ? query
    : query.where('permissionReview.organisationId', '=', viewer.organisationId)
}

type Row = Omit<ReviewView, 'by'> & { personId: string; personName: string }

function viewOf({ personId, personName, ...row }: Row): ReviewView {
  return { ...row, by: { id: personId, name: personName } }
}

/** One review that was carried out, if the viewer may see it. */
export async function findReview(db: Db, viewer: Viewer, id: string): Promise<ReviewView | undefined> {
  const row = await selectReviews(db, viewer).where('permissionReview.id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : viewOf(row)
}

/** A page of the reviews of an organisation, the newest first. */
export async function findReviews(
  db: Db,
  viewer: Viewer,
  filter: { organisationId?: string | undefined; cursor?: string | undefined; limit: number },
): Promise<Page<ReviewView>> {
  let query = selectReviews(db, viewer)
  const { organisationId } = filter
  if (organisationId !== undefined) query = query.where('permissionReview.organisationId', '=', organisationId)
  if (filter.cursor !== undefined) {
    const [at = '', id = ''] = decodeCursor(filter.cursor, [TIME, ID])
    query = query.where(sql<boolean>`(permission_review.at, permission_review.id) < (${at}::timestamptz, ${id})`)
  }
  const rows = await query
    .orderBy('permissionReview.at', 'desc')
    .orderBy('permissionReview.id', 'desc')
    .limit(filter.limit + 1)
    .execute()
  return toPage(rows.map(viewOf), filter.limit, (row) => [row.at.toISOString(), row.id])
}

/** When an organisation's keys were reviewed last, and by when they are to be again. */
export type ReviewTimes = { id: string; name: string; lastReviewAt: Date | null; dueAt: Date }

/** Those of one organisation, or of all, the most pressing first. */
export async function findReviewTimes(db: Db, organisationId: string | null): Promise<ReviewTimes[]> {
  let query = db
    .selectFrom('organisation')
    .select(['organisation.id', 'organisation.name', 'organisation.createdAt'])
    .select((is) =>
      is
        .selectFrom('permissionReview')
        .select((review) => review.fn.max('permissionReview.at').as('at'))
        .whereRef('permissionReview.organisationId', '=', 'organisation.id')
        .as('lastReviewAt'),
    )
  if (organisationId !== null) query = query.where('organisation.id', '=', organisationId)
  const rows = await query.execute()
  return rows
    .map(({ createdAt, ...row }) => {
      const since = row.lastReviewAt ?? createdAt
      return { ...row, dueAt: new Date(since.getTime() + REVIEW_DAYS * 86_400_000) }
    })
    .sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime())
}

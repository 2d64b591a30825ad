import { type Selectable, sql } from 'kysely'
import { Refusal } from '../../rules/refusals.ts'
import type { Db, Trx } from '../connect.ts'
import { decodeCursor, ID, type Page, toPage } from '../cursor.ts'
import { findOrganisation } from '../people/organisations.ts'
import { type EnrolledPerson, findMembers, findStaff } from '../people/people.ts'
import type { Database } from '../schema.ts'

export type EndpointRow = Selectable<Database['webhookEndpoint']>

export type EndpointView = {
  id: string
  url: string
  /** Empty: every event. */
  events: string[]
  createdAt: Date
  createdBy: { id: string; name: string }
  switchedOffAt: Date | null
  switchedOffBecause: string | null
  pausedUntil: Date | null
  /** When the last of its older secrets stops signing; null while one alone signs. */
  oldSecretEndsAt: Date | null
  lastDeliveredAt: Date | null
}

/** Whose endpoints somebody sees: their organisation's, or, as staff (null), the desk's own. */
export type Keeper = { organisationId: string | null }

function selectEndpoints(db: Db, { organisationId }: Keeper) {
  return db
    .selectFrom('webhookEndpoint')
    .innerJoin('person', 'person.id', 'webhookEndpoint.createdBy')
    .select(['webhookEndpoint.id', 'url', 'events', 'webhookEndpoint.createdAt', 'switchedOffAt', 'switchedOffBecause'])
    .select(['person.id as creatorId', 'person.name as creator'])
    .select([
      sql<Date | null>`case when paused_until > clock_timestamp() then paused_until end`.as('pausedUntil'),
      sql<Date | null>`(select max(ends_at) from webhook_secret
        where endpoint_id = webhook_endpoint.id and ends_at > clock_timestamp())`.as('oldSecretEndsAt'),
      sql<Date | null>`(select max(delivered_at) from webhook_delivery
        where endpoint_id = webhook_endpoint.id)`.as('lastDeliveredAt'),
    ])
    .where('removedAt', 'is', null)
    .where('webhookEndpoint.organisationId', 'is not distinct from', organisationId)
}

type Row = Omit<EndpointView, 'createdBy'> & { creatorId: string; creator: string }

function viewOf({ creatorId, creator, ...row }: Row): EndpointView {
  return { ...row, createdBy: { id: creatorId, name: creator } }
}

/** A page of the keeper's endpoints, in the order they were made; never a secret. */
export async function findEndpoints(
  db: Db,
  keeper: Keeper,
  filter: { cursor?: string | undefined; limit: number },
): Promise<Page<EndpointView>> {
  const [after = ''] = filter.cursor === undefined ? [] : decodeCursor(filter.cursor, [ID])
  const rows = await selectEndpoints(db, keeper)
    .where('webhookEndpoint.id', '>', after)
    .orderBy('webhookEndpoint.id')
    .limit(filter.limit + 1)
    .execute()
  return toPage(rows.map(viewOf), filter.limit, (row) => [row.id])
}

/** One of the keeper's endpoints, if it is there. */
export async function findEndpoint(db: Db, keeper: Keeper, id: string): Promise<EndpointView | undefined> {
  const row = await selectEndpoints(db, keeper).where('webhookEndpoint.id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : viewOf(row)
}

/** Locks one of the keeper's endpoints; events may go on being put for it. Refuses NOT_FOUND. */
export async function lockEndpoint(trx: Trx, { organisationId }: Keeper, id: string): Promise<EndpointRow> {
  const endpoint = await trx
    .selectFrom('webhookEndpoint')
    .selectAll()
    .where('id', '=', id)
    .where('organisationId', 'is not distinct from', organisationId)
    .where('removedAt', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (endpoint === undefined) throw new Refusal('NOT_FOUND')
  return endpoint
}

/** Who has to know what happens to an endpoint: the owners of its organisation, or the desk's admins. */
export async function findKeepers(db: Db, { organisationId }: Keeper) {
  const withReason = (people: readonly EnrolledPerson[], why: string) => people.map((person) => ({ ...person, why }))
  if (organisationId === null) {
    const admins = (await findStaff(db)).filter(({ role }) => role === 'admin')
    return { organisation: null, readers: withReason(admins, 'you are an administrator of this desk') }
  }
  const organisation = (await findOrganisation(db, organisationId))?.name ?? ''
  const owners = (await findMembers(db, organisationId)).filter(({ role }) => role === 'owner')
  return { organisation, readers: withReason(owners, `you are an owner of ${organisation}`) }
}

import { type SelectQueryBuilder, sql } from 'kysely'
import type { Db } from '../connect.ts'
import { decodeCursor, ID, type Page, POSITION, TIME, toPage } from '../cursor.ts'
import type { Viewer } from '../rotations/views.ts'
import type { Database } from '../schema.ts'
import { type ChainEntry, findNames, readBody, type TrailEntry } from './trail.ts'

export type TrailFilter = {
  /** A chain: an organisation's id, or `desk`. A member's own organisation's counts whatever is asked for. */
  chain?: string | undefined
  /** How the action begins, such as `rotation.` or `rotation.approve`. */
  action?: string | undefined
  /** Part of the name or address of who did it. */
  person?: string | undefined
  rotation?: string | undefined
  from?: Date | undefined
  /** Strictly before. */
  until?: Date | undefined
}

/** An entry in words of the trail, and with what proves it. */
export type ShownEntry = TrailEntry & { rotation: string | null; proof: ChainEntry }

type Entries<O> = SelectQueryBuilder<Database, 'auditEntry', O>

function matching(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`
}

function narrow<O>(db: Db, query: Entries<O>, viewer: Viewer, filter: TrailFilter): Entries<O> {
  const chain = viewer.organisationId ?? filter.chain
  const { action, person, rotation, from, until } = filter
  let narrowed = query
  if (chain !== undefined) narrowed = narrowed.where('chain', '=', chain)
  if (action !== undefined) narrowed = narrowed.where('action', 'like', `${action.replaceAll(/[\\%_]/g, '\\$&')}%`)
  if (rotation !== undefined) narrowed = narrowed.where('rotation', '=', rotation)
  if (from !== undefined) narrowed = narrowed.where('at', '>=', from)
  if (until !== undefined) narrowed = narrowed.where('at', '<', until)
  if (person === undefined) return narrowed
  const people = db.selectFrom('person').select('id')
  const named = people.where((is) =>
    is.or([is('name', 'ilike', matching(person)), is('email', 'ilike', matching(person))]),
  )
  return narrowed.where('actor', 'in', named)
}

/**
 * A page of the trail that the viewer may see, the newest first: one organisation's for its members, every chain for staff.
 * Refuses INVALID_REQUEST for a cursor that isn't ours.
 */
export async function searchTrail(
  db: Db,
  viewer: Viewer,
  filter: TrailFilter & { cursor?: string | undefined; limit: number },
): Promise<Page<ShownEntry>> {
  let query = narrow(
    db,
    db.selectFrom('auditEntry').select(['chain', 'sequence', 'body', 'previousHash', 'hash', 'at', 'action']),
    viewer,
    filter,
  )
  if (filter.cursor !== undefined) {
    const [at = '', chain = '', sequence = ''] = decodeCursor(filter.cursor, [TIME, ID, POSITION])
    query = query.where(sql<boolean>`(at, chain, sequence) < (${at}::timestamptz, ${chain}, ${sequence}::bigint)`)
  }
  const rows = await query
    .orderBy('at', 'desc')
    .orderBy('chain', 'desc')
    .orderBy('sequence', 'desc')
    .limit(filter.limit + 1)
    .execute()
  const page = toPage(rows, filter.limit, (row) => [row.at.toISOString(), row.chain, row.sequence])
  const bodies = page.items.map((row) => ({ row, body: readBody(row.body) }))
  const names = await findNames(
    db,
    bodies.map(({ body }) => body.actor),
  )
  const items = bodies.map(({ row, body: { at, action, actor, rotation, ...facts } }) => ({
    at: row.at,
    action,
    actor: actor.startsWith('per_') ? { id: actor, name: names.get(actor) ?? '' } : null,
    facts,
    rotation,
    proof: {
      chain: row.chain,
      sequence: Number(row.sequence),
      body: row.body,
      previousHash: row.previousHash.toString('hex'),
      hash: row.hash.toString('hex'),
    },
  }))
  return { items, nextCursor: page.nextCursor }
}

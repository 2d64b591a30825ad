import { z } from 'zod'
import type { Db } from '../connect.ts'
import { decodeCursor, type Page, POSITION, toPage } from '../cursor.ts'
import { findMessages, type MessageText } from '../rotations/messages.ts'
import type { PersonName, Viewer } from '../rotations/views.ts'
import { DESK_CHAIN } from './append.ts'

const stored = z.looseObject({ at: z.string(), action: z.string(), actor: z.string(), rotation: z.string().nullable() })

/** An entry's stored text as it was written. */
export function readBody(body: string): z.infer<typeof stored> {
  return stored.parse(JSON.parse(body))
}

export type TrailEntry = {
  at: Date
  /** `noun.verb`, such as `rotation.approve`. */
  action: string
  /** Null when it wasn't a person: the worker at its due time, or the set-up. */
  actor: PersonName | null
  facts: Record<string, unknown>
}

/** An entry about a rotation as its page tells it. */
export type RotationEvent = TrailEntry & {
  /** What was written; such words stand beside the trail, never in it. */
  message: MessageText | null
  /** The names of the people whose ids are among the facts. */
  names: ReadonlyMap<string, string>
}

/** The names of the people among these actors. */
export async function findNames(db: Db, ids: readonly string[]): Promise<Map<string, string>> {
  const people = ids.filter((id) => id.startsWith('per_'))
  if (people.length === 0) return new Map()
  const rows = await db.selectFrom('person').select(['id', 'name']).where('id', 'in', people).execute()
  return new Map(rows.map((row) => [row.id, row.name]))
}

/**
 * What happened to a rotation, oldest first: every entry of the audit trail that names it, with what was written then. Members see their
 * organisation's chain alone, so what the staff noted for themselves is not among it.
 */
export async function findRotationEvents(db: Db, viewer: Viewer, ref: string): Promise<RotationEvent[]> {
  let query = db.selectFrom('auditEntry').select(['body', 'at', 'action']).where('rotation', '=', ref)
  if (viewer.organisationId !== null) query = query.where('chain', '=', viewer.organisationId)
  const rows = await query.orderBy('at').orderBy('chain').orderBy('sequence').execute()
  const entries = rows.map((row) => ({ row, body: readBody(row.body) }))
  const texts = entries.flatMap(({ body }) => Object.values(body).filter((value) => typeof value === 'string'))
  const names = await findNames(db, texts)
  const messages = new Map((await findMessages(db, viewer, ref)).map((message) => [message.id, message]))
  return entries.map(({ row, body: { at, action, actor, rotation, ...facts } }) => ({
    at: row.at,
    action: row.action,
    actor: actor.startsWith('per_') ? { id: actor, name: names.get(actor) ?? '' } : null,
    facts,
    message: messages.get(String(facts.message)) ?? null,
    names,
  }))
}

export type ChainEntry = { chain: string; sequence: number; body: string; previousHash: string; hash: string }

/** A page of one chain, oldest first, with the hashes (hex) that prove it. Staff see the desk's own when they name no organisation. */
export async function findAuditEntries(
  db: Db,
  viewer: Viewer,
  filter: { organisationId?: string | undefined; after?: string | undefined; limit: number },
): Promise<Page<ChainEntry>> {
  const chain = viewer.organisationId ?? filter.organisationId ?? DESK_CHAIN
  const [after = '0'] = filter.after === undefined ? [] : decodeCursor(filter.after, [POSITION])
  const rows = await db
    .selectFrom('auditEntry')
    .select(['chain', 'sequence', 'body', 'previousHash', 'hash'])
    .where('chain', '=', chain)
    .where('sequence', '>', after)
    .orderBy('sequence')
    .limit(filter.limit + 1)
    .execute()
  const page = toPage(rows, filter.limit, (row) => [row.sequence])
  const items = page.items.map((row) => ({
    ...row,
    sequence: Number(row.sequence),
    previousHash: row.previousHash.toString('hex'),
    hash: row.hash.toString('hex'),
  }))
  return { items, nextCursor: page.nextCursor }
}

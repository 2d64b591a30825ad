import { sql } from 'kysely'
import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import type { ImportRow } from '../../database/schema.ts'
import type { ReadLine } from '../../rules/imports/lines.ts'
import type { Actor } from '../../rules/permissions.ts'
import { addKeys, type Problem, type Sorted, sortLines, type Wanted } from './add-keys.ts'

const BY_WORKER = { kind: 'worker' } as const satisfies Actor
/** So many problems are kept, the first ones; the others are counted. */
const KEPT_PROBLEMS = 1_000
/** An upload that has not come whole by then has broken off. */
const BROKEN_OFF = sql<Date>`now() - interval '1 hour'`

/** After something went wrong with one, so that it holds up no other. */
const AFTER_ERROR_SECONDS = 60

/** Claims the oldest import that isn't finished, unless another worker has it; one that failed a moment ago only when it is asked for. */
async function claim(trx: Trx, id: string | undefined): Promise<ImportRow | undefined> {
  return trx
    .selectFrom('import')
    .selectAll()
    .where('finishedAt', 'is', null)
    .where((is) => is.or([is('receivedAt', 'is not', null), is('startedAt', '<', BROKEN_OFF)]))
    .where((is) =>
      id === undefined
        ? is.or([is('goOnAfter', 'is', null), is('goOnAfter', '<=', sql<Date>`now()`)])
        : is('id', '=', id),
    )
    .orderBy('id')
    .limit(1)
    .forNoKeyUpdate()
    .skipLocked()
    .executeTakeFirst()
}

/** Those of the keys that this dry run has not seen before. */
async function firstSeen(trx: Trx, importId: string, fresh: readonly Wanted[]): Promise<Wanted[]> {
  if (fresh.length === 0) return []
  const rows = fresh.map(({ key }) => ({ importId, hash: Buffer.from(key.sha256, 'hex') }))
  const seen = await trx
    .insertInto('importHash')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .returning('hash')
    .execute()
  const first = new Set(seen.map(({ hash }) => hash.toString('hex')))
  return fresh.filter(({ key }) => first.has(key.sha256))
}

/** One entry for each organisation and piece: what came in is told by the import, the lines and their number. */
async function record(trx: Trx, row: ImportRow, added: readonly Wanted[], { organisations }: Sorted, at: Date) {
  const byOrganisation = Map.groupBy(added, ({ key }) => organisations.get(key.serviceId) ?? '')
  for (const [organisationId, keys] of [...byOrganisation].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const services = [...new Set(keys.map(({ key }) => key.serviceId))]
    const [first, last] = [keys[0]?.line ?? 0, keys.at(-1)?.line ?? 0]
    const facts = { import: row.id, keys: keys.length, services, firstLine: first, lastLine: last }
    await recordAudit(trx, organisationId, at, { action: 'key.import', actor: BY_WORKER, facts })
  }
}

async function finish(trx: Trx, row: ImportRow, at: Date): Promise<void> {
  await trx.deleteFrom('importChunk').where('importId', '=', row.id).execute()
  await trx.deleteFrom('importHash').where('importId', '=', row.id).execute()
  await trx.updateTable('import').set({ finishedAt: at }).where('id', '=', row.id).execute()
  const { id, added, known, refused, dryRun, receivedAt } = row
  const facts = { import: id, added, known, refused, dryRun, whole: receivedAt !== null }
  await recordAudit(trx, DESK_CHAIN, at, { action: 'import.finish', actor: BY_WORKER, facts })
}

async function count(
  trx: Trx,
  row: ImportRow,
  { added, known, problems }: { added: number; known: number; problems: Problem[] },
) {
  const kept = [...row.errors, ...problems].slice(0, KEPT_PROBLEMS)
  const counts = { added: row.added + added, known: row.known + known, refused: row.refused + problems.length }
  await trx
    .updateTable('import')
    .set({ ...counts, errors: JSON.stringify(kept) })
    .where('id', '=', row.id)
    .execute()
}

type Chunk = { line: number; content: string }

async function carryOutChunk(trx: Trx, row: ImportRow, chunk: Chunk): Promise<void> {
  const lines: ReadLine[] = JSON.parse(chunk.content)
  const sorted = await sortLines(trx, lines)
  const at = await clock(trx)
  const added = row.dryRun ? await firstSeen(trx, row.id, sorted.fresh) : await addKeys(trx, sorted, at)
  const known = sorted.known + sorted.fresh.length - added.length
  await count(trx, row, { added: added.length, known, problems: sorted.problems })
  await trx.deleteFrom('importChunk').where('importId', '=', row.id).where('line', '=', chunk.line).execute()
  if (!row.dryRun) await record(trx, row, added, sorted, at)
}

/**
 * Carries out the next piece of an import (of this one, or of whichever is the oldest) in one transaction: a kill leaves it done or undone
 * as a whole, and whoever comes next goes on there. False when there is nothing to do that no other worker has. One that fails is put off and
 * holds up no other.
 */
export async function carryOutImport(db: Db, id?: string): Promise<boolean> {
  let claimed: string | null = null
  try {
    return await db.transaction().execute(async (trx) => {
      const row = await claim(trx, id)
      if (row === undefined) return false
      claimed = row.id
      const chunks = trx.selectFrom('importChunk').select(['line', 'content']).where('importId', '=', row.id)
      const chunk = row.receivedAt === null ? undefined : await chunks.orderBy('line').limit(1).executeTakeFirst()
      if (chunk === undefined) await finish(trx, row, await clock(trx))
      else await carryOutChunk(trx, row, chunk)
      return true
    })
  } catch (error) {
    if (claimed !== null) await putOff(db, claimed)
    throw error
  }
}

async function putOff(db: Db, id: string): Promise<void> {
  const goOnAfter = sql<Date>`clock_timestamp() + make_interval(secs => ${AFTER_ERROR_SECONDS})`
  await db.updateTable('import').set({ goOnAfter }).where('id', '=', id).execute()
}

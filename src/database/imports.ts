import type { Db } from './connect.ts'
import { decodeCursor, ID, type Page, toPage } from './cursor.ts'

/** `receiving`: its file is still coming; `broken_off`: it never came whole, and nothing of it was carried out. */
export type ImportStatus = 'receiving' | 'running' | 'finished' | 'broken_off'

export type ImportView = {
  id: string
  name: string
  by: string | null
  startedAt: Date
  finishedAt: Date | null
  status: ImportStatus
  dryRun: boolean
  lines: number
  added: number
  known: number
  refused: number
  /** The first of them; `refused` counts all. */
  errors: { line: number; problem: string }[]
}

function statusOf({ receivedAt, finishedAt }: { receivedAt: Date | null; finishedAt: Date | null }): ImportStatus {
  if (receivedAt === null) return finishedAt === null ? 'receiving' : 'broken_off'
  return finishedAt === null ? 'running' : 'finished'
}

function selectImports(db: Db) {
  return db
    .selectFrom('import')
    .leftJoin('person', 'person.id', 'import.by')
    .select(['import.id', 'import.name', 'person.name as by', 'import.startedAt', 'import.finishedAt'])
    .select(['import.receivedAt', 'import.dryRun', 'import.lines', 'import.added', 'import.known'])
    .select(['import.refused', 'import.errors'])
}

export async function findImport(db: Db, id: string): Promise<ImportView | undefined> {
  const row = await selectImports(db).where('import.id', '=', id).executeTakeFirst()
  return row && { ...row, status: statusOf(row) }
}

/** A page of the imports, the newest first. */
export async function findImports(
  db: Db,
  filter: { cursor?: string | undefined; limit: number },
): Promise<Page<ImportView>> {
  let query = selectImports(db)
  if (filter.cursor !== undefined) {
    const [id = ''] = decodeCursor(filter.cursor, [ID])
    query = query.where('import.id', '<', id)
  }
  const rows = await query
    .orderBy('import.id', 'desc')
    .limit(filter.limit + 1)
    .execute()
  return toPage(
    rows.map((row) => ({ ...row, status: statusOf(row) })),
    filter.limit,
    (row) => [row.id],
  )
}

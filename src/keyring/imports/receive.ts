import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { MAX_LINE_CHARACTERS, readHeader, readLine } from '../../rules/imports/lines.ts'
import { type Actor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'

/** So many lines are carried out in one transaction, and so many are held in memory at once. */
const CHUNK_LINES = 1_000
const MAX_BYTES = 256 * 1_048_576

type Piece = { line: number; lines: string[] }

/** Cuts a stream into lines, each no longer than a line may be and one character, and these into pieces. Refuses TOO_LARGE. */
async function* piecesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  const decoder = new TextDecoder()
  let size = 0
  let rest = ''
  let piece: Piece = { line: 1, lines: [] }
  function add(text: string): void {
    piece.lines.push(text.replaceAll('\0', '\u0001').slice(0, MAX_LINE_CHARACTERS + 1))
  }
  for await (const bytes of stream) {
    size += bytes.byteLength
    if (size > MAX_BYTES) throw new Refusal('TOO_LARGE')
    const texts = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = (texts.pop() ?? '').slice(0, MAX_LINE_CHARACTERS + 1)
    for (const text of texts) {
      add(text)
      if (piece.lines.length < CHUNK_LINES) continue
      yield piece
      piece = { line: piece.line + piece.lines.length, lines: [] }
    }
  }
  rest += decoder.decode()
  if (rest !== '') add(rest)
  if (piece.lines.length > 0) yield piece
}

function invalid(message: string): Refusal {
  return new Refusal('INVALID_REQUEST', { errors: [{ pointer: '', message }] })
}

type Taken = { columns: string[] | null; piece: Piece }

/** Takes the header of a CSV file off its first piece. Refuses INVALID_REQUEST for one that names no such columns. */
function takeHeader(piece: Piece): Taken {
  const lines = piece.lines.map((text, i) => (i === 0 ? text.replace(/^\uFEFF/, '') : text))
  const index = lines.findIndex((text) => text.trim() !== '')
  if (index < 0) throw invalid('The file is empty.')
  const header = readHeader(lines[index] ?? '')
  if ('problem' in header) throw invalid(header.problem)
  if (header.columns === null) return { columns: null, piece: { ...piece, lines } }
  return { columns: header.columns, piece: { line: piece.line + index + 1, lines: lines.slice(index + 1) } }
}

async function store(db: Db, id: string, stream: AsyncIterable<Uint8Array>) {
  let columns: string[] | null = null
  let lines = 0
  let begun = false
  for await (const each of piecesOf(stream)) {
    const taken: Taken = begun ? { columns, piece: each } : takeHeader(each)
    begun = true
    columns = taken.columns
    const { line, lines: texts } = taken.piece
    if (texts.length === 0) continue
    lines += texts.filter((text) => text.trim() !== '').length
    // What a line says is kept, never the line: somebody may send keys where their hashes belong.
    const read = texts.map((text, i) => readLine(text, line + i, columns)).filter((each) => each !== null)
    await db
      .insertInto('importChunk')
      .values({ importId: id, line, content: JSON.stringify(read) })
      .execute()
  }
  if (!begun) throw invalid('The file is empty.')
  return { columns, lines }
}

type Upload = { name: string; dryRun: boolean; stream: AsyncIterable<Uint8Array> }

const TOO_SLOW = 'The upload took over an hour and was broken off. Send the file in parts.'

/**
 * Takes in a file of existing keys, in NDJSON or CSV, piece by piece as it comes; what is in it is carried out afterwards, so that
 * nothing depends on whoever sent it. A file that breaks off is not carried out. `actor` is an admin, or whoever runs the desk's program.
 * Refuses NOT_ALLOWED, INVALID_REQUEST (an empty file, a header that names no such columns, more than an hour) and TOO_LARGE.
 */
export async function receiveImport(db: Db, actor: Actor, { name, dryRun, stream }: Upload): Promise<{ id: string }> {
  if (actor.kind === 'person') requireRole(actor, 'imports.manage')
  const id = newId('import')
  const by = actor.kind === 'person' ? actor.personId : null
  await db.transaction().execute(async (trx) => {
    const at = await clock(trx)
    const row = { id, name: name.slice(0, 200), by, startedAt: at, dryRun }
    await trx.insertInto('import').values(row).execute()
  })
  try {
    const { columns, lines } = await store(db, id, stream)
    await db.transaction().execute(async (trx) => {
      const open = trx.selectFrom('import').select('id').where('id', '=', id).where('finishedAt', 'is', null)
      if ((await open.forNoKeyUpdate().executeTakeFirst()) === undefined) throw invalid(TOO_SLOW)
      const at = await clock(trx)
      await trx.updateTable('import').set({ columns, lines, receivedAt: at }).where('id', '=', id).execute()
      const facts = { import: id, lines, dryRun }
      await recordAudit(trx, DESK_CHAIN, at, { action: 'import.start', actor, facts })
    })
  } catch (error) {
    await forget(db, id)
    throw error
  }
  return { id }
}

/** Leaves nothing of a file that did not come whole. */
async function forget(db: Db, id: string): Promise<void> {
  await db.deleteFrom('importChunk').where('importId', '=', id).execute()
  // What the worker has given up meanwhile is on record, and stays.
  const unfinished = db.deleteFrom('import').where('id', '=', id).where('receivedAt', 'is', null)
  await unfinished.where('finishedAt', 'is', null).execute()
}

import { type ShownEntry, searchTrail, type TrailFilter } from '../../database/audit/search.ts'
import type { Db } from '../../database/connect.ts'
import type { Viewer } from '../../database/rotations/views.ts'
import { errorFields, type Log } from '../../log.ts'
import { csvLine } from '../../rules/text/csv.ts'
import { actorWords } from './trail.ts'

const AT_ONCE = 1_000

type Export = (db: Db, viewer: Viewer, filter: TrailFilter, log: Log) => ReadableStream<Uint8Array>

/** Every entry, a page at a time, as whoever reads takes them: a slow reader holds no connection and little memory. */
function exportOf(head: string, line: (entry: ShownEntry) => string): Export {
  return (db, viewer, filter, log) => {
    const encoder = new TextEncoder()
    let cursor: string | null | undefined
    return new ReadableStream({
      start(controller) {
        if (head !== '') controller.enqueue(encoder.encode(head))
      },
      async pull(controller) {
        try {
          const page = await searchTrail(db, viewer, { ...filter, cursor: cursor ?? undefined, limit: AT_ONCE })
          if (page.items.length > 0) controller.enqueue(encoder.encode(page.items.map(line).join('')))
          cursor = page.nextCursor
          if (cursor === null) controller.close()
        } catch (error) {
          // The answer has begun: cutting it off is the only way left to say that it isn't whole.
          log.warn({ event: 'export.broken_off', ...errorFields(error) })
          controller.error(error)
        }
      },
    })
  }
}

/** Entries as CSV, the newest first; no text in it is a formula to a spreadsheet. */
export const trailCsv: Export = exportOf(
  csvLine(['at', 'chain', 'sequence', 'action', 'who', 'person id', 'rotation', 'facts', 'hash']),
  (entry) =>
    csvLine([
      entry.at.toISOString(),
      entry.proof.chain,
      entry.proof.sequence,
      entry.action,
      actorWords(entry),
      entry.actor?.id ?? '',
      entry.rotation ?? '',
      JSON.stringify(entry.facts),
      entry.proof.hash,
    ]),
)

/** Entries as JSON Lines, the newest first: the stored text and its hashes, so that anybody can check them. */
export const trailJsonLines: Export = exportOf('', ({ proof }) => `${JSON.stringify(proof)}\n`)

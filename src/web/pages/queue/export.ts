import { findQueue } from '../../../database/queue/page.ts'
import type { RotationView } from '../../../database/rotations/views.ts'
import { csvLine } from '../../../rules/text/csv.ts'
import { KIND_WORDS } from '../../../rules/text/words.ts'
import type { WebContext } from '../../context.ts'
import { sendCsv } from '../../csv.ts'
import { filterOf, readAddress } from './address.ts'
import { deciderFor } from './decider.ts'

const AT_ONCE = 200
const HEADINGS = [
  'reference',
  'status',
  'organisation',
  'organisation id',
  'keys',
  'reason',
  'requester',
  'filed',
  'start',
  'next deadline',
  'approvals',
  'approvals needed',
  'assignee',
  'decided',
  'closed',
  'problems',
]

function time(date: Date | null): string {
  return date?.toISOString() ?? ''
}

function keysOf({ items }: RotationView): string {
  return items
    .map(({ serviceName, environment, kind }) => `${serviceName} (${environment}): ${KIND_WORDS[kind]}`)
    .join('; ')
}

function lineOf(rotation: RotationView): string {
  const problems = rotation.items.map(({ problem }) => problem).filter((problem) => problem !== null)
  return csvLine([
    rotation.ref,
    rotation.status,
    rotation.organisationName,
    rotation.organisationId,
    keysOf(rotation),
    rotation.reason,
    rotation.requester.name,
    time(rotation.createdAt),
    time(rotation.notBefore),
    time(rotation.nextDeadline),
    rotation.approvals.length,
    rotation.approvalsNeeded,
    rotation.assignee?.name ?? '',
    time(rotation.decidedAt),
    time(rotation.completedAt),
    [...new Set(problems)].join('; '),
  ])
}

type Wanted = Omit<Parameters<typeof findQueue>[2], 'cursor' | 'limit'>

/** A view as CSV, some rows at a time: however long it is, little of it is in memory at once. */
async function* csvOf(c: WebContext, wanted: Wanted): AsyncGenerator<string> {
  const { decider } = deciderFor(c)
  yield csvLine(HEADINGS)
  let cursor: string | undefined
  do {
    const page = await findQueue(c.get('desk').db, decider, { ...wanted, cursor, limit: AT_ONCE })
    if (page.items.length > 0) yield page.items.map(lineOf).join('')
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
}

/** What the queue shows at this address, all pages of it, for a spreadsheet. */
export function exportQueue(c: WebContext): Response {
  const { actor } = deciderFor(c)
  const address = readAddress(new URL(c.req.url).searchParams)
  const wanted = { view: address.view, filter: filterOf(address, actor.personId) }
  return sendCsv(c, `rotations-${address.view}`, csvOf(c, wanted))
}

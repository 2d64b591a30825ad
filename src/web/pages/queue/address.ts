import { FIGURES, type Figure, type QueueFilter } from '../../../database/queue/filter.ts'
import { QUEUE_VIEWS, type QueueView } from '../../../database/queue/tiers.ts'
import { oneLine } from '../../../rules/text/foreign-text.ts'
import { isMonth, monthSpan } from '../../../rules/text/months.ts'

const isId = (text: string) => /^[A-Za-z0-9_-]{1,64}$/.test(text)
const LONGEST_SEARCH = 200

/** What the queue's address says is wanted; empty text where it says nothing. `me` and `nobody` are assignees too. */
export type QueueAddress = {
  view: QueueView
  q: string
  assignee: string
  organisation: string
  /** A month, `2026-11`, in which it was filed. */
  filed: string
  figures: readonly Figure[]
}

function fitting(isOne: (text: string) => boolean, text: string | null): string {
  return text !== null && isOne(text) ? text : ''
}

/** Reads an address; what it doesn't know is left out. A search looks through all rotations, whatever the view was. */
export function readAddress(query: URLSearchParams): QueueAddress {
  const q = oneLine(query.get('q') ?? '').slice(0, LONGEST_SEARCH)
  const view = QUEUE_VIEWS.find((name) => name === query.get('view')) ?? 'decide'
  return {
    view: q === '' ? view : 'all',
    q,
    assignee: fitting(isId, query.get('assignee')),
    organisation: fitting(isId, query.get('organisation')),
    filed: fitting(isMonth, query.get('filed')),
    figures: FIGURES.filter((figure) => query.get(figure) === 'yes'),
  }
}

/** The query string that `readAddress` reads the same from: what is saved as a view, and what links lead to. */
export function queryOf({ view, q, assignee, organisation, filed, figures }: QueueAddress): string {
  const texts = Object.entries({ view, q, assignee, organisation, filed }).filter(([, text]) => text !== '')
  return new URLSearchParams([...texts, ...figures.map((figure) => [figure, 'yes'])]).toString()
}

/** The same as the database takes it. */
export function filterOf({ q, assignee, organisation, filed, figures }: QueueAddress, personId: string): QueueFilter {
  const people: Readonly<Record<string, string | null | undefined>> = { '': undefined, me: personId, nobody: null }
  return {
    q: q === '' ? undefined : q,
    assigneeId: assignee in people ? people[assignee] : assignee,
    organisationId: organisation === '' ? undefined : organisation,
    filed: filed === '' ? undefined : monthSpan(filed),
    figures,
  }
}

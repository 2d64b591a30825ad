import { findFirstOrganisationNames, findOrganisation } from '../../../database/people/organisations.ts'
import { findStaff } from '../../../database/people/people.ts'
import { COUNTED_UP_TO, countViews } from '../../../database/queue/counts.ts'
import { findQueue } from '../../../database/queue/page.ts'
import { findSavedViews } from '../../../database/queue/saved-views.ts'
import { QUEUE_VIEWS, type QueueView } from '../../../database/queue/tiers.ts'
import { shortId } from '../../../rules/text/foreign-text.ts'
import { bearerOf, type WebContext } from '../../context.ts'
import type { Problems, Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime } from '../../shown/times.ts'
import { filterOf, type QueueAddress, queryOf, readAddress } from './address.ts'
import { deciderFor } from './decider.ts'
import { filterWords } from './filter-words.ts'
import { queueRow } from './rows.ts'

const AT_ONCE = 25
/** More than these nobody looks through in a list; the search and the rows find the others. */
const MOST_ORGANISATIONS = 100

const VIEWS: Readonly<Record<QueueView, { label: string; empty: readonly [title: string, text: string] }>> = {
  decide: {
    label: 'Needs decision',
    empty: ['Nothing waits for a decision', 'New requests appear here by themselves.'],
  },
  waiting: {
    label: 'Waiting for customer',
    empty: ['Nobody is asked anything', 'Requests wait here while their people are to answer a question of yours.'],
  },
  scheduled: { label: 'Scheduled', empty: ['Nothing is scheduled', 'Approved requests wait here for their start.'] },
  running: {
    label: 'Running and failed',
    empty: ['Nothing is running', 'Requests whose new keys are being made are here, those that failed first.'],
  },
  overlap: {
    label: 'Overlap ending',
    empty: ['No old key is about to stop', 'Requests stay here while old and new keys work side by side.'],
  },
  closed: { label: 'Closed', empty: ['Nothing closed yet', 'What has ended goes here.'] },
  all: { label: 'All', empty: ['Nothing found', 'Search for less, or take a filter away.'] },
}

async function tabs(c: WebContext, address: QueueAddress) {
  const { actor, decider } = deciderFor(c)
  const { assigneeId, organisationId } = filterOf(address, actor.personId)
  const counts = await countViews(c.get('desk').db, decider, { assigneeId, organisationId })
  const word = (number: number) => (number >= COUNTED_UP_TO ? `${COUNTED_UP_TO - 1}+` : String(number))
  const { assignee, organisation } = address
  const views = QUEUE_VIEWS.filter((view) => view !== 'all').map((view) => ({
    label: VIEWS[view].label,
    count: word(counts[view]),
    href: `/queue?${queryOf({ view, q: '', assignee, organisation, filed: '', figures: [] })}`,
    current: view === address.view,
  }))
  return { views, mine: counts.mine === 0 ? null : word(counts.mine) }
}

async function filterChoices(c: WebContext, address: QueueAddress) {
  const { db } = c.get('desk')
  const organisations = await findFirstOrganisationNames(db, MOST_ORGANISATIONS + 1)
  const chosen = address.organisation === '' ? undefined : await findOrganisation(db, address.organisation)
  const few = organisations.length <= MOST_ORGANISATIONS
  return {
    q: address.q,
    assignees: [
      { value: '', label: 'anybody' },
      { value: 'me', label: 'me' },
      { value: 'nobody', label: 'nobody' },
    ].map((choice) => ({ ...choice, chosen: choice.value === address.assignee })),
    organisations: few
      ? organisations.map(({ id, name }) => ({
          id,
          label: `${name} ${shortId(id)}`,
          chosen: id === address.organisation,
        }))
      : null,
    organisationId: address.organisation,
    words: filterWords(address, chosen?.name ?? null),
    clearHref: `/queue?view=${address.view}`,
  }
}

async function assignees(c: WebContext, personId: string) {
  const staff = await findStaff(c.get('desk').db)
  return staff.filter((person) => person.personId !== personId).map(({ personId, name }) => ({ id: personId, name }))
}

/** What came of an assignment; the address names it, the words are ours. */
function outcomeFacts(c: WebContext) {
  const assigned = Number(/^\d{1,3}$/.exec(c.req.query('assigned') ?? '')?.[0] ?? 0)
  const kept = (c.req.query('kept') ?? '').split(',').filter((ref) => /^ROT-\d{1,15}$/.test(ref))
  return { assigned: assigned === 0 ? null : String(assigned), one: assigned === 1, kept: kept.join(', ') }
}

/** The queue, with what was wrong with a form of it. */
export async function showQueue(
  c: WebContext,
  address: QueueAddress,
  again?: { values: Typed; problems: Problems },
): Promise<Response> {
  const { actor, decider } = deciderFor(c)
  const { db } = c.get('desk')
  const { timeZone } = bearerOf(c)
  const after = c.req.query('after')
  const wanted = { view: address.view, filter: filterOf(address, actor.personId), cursor: after, limit: AT_ONCE }
  const page = await findQueue(db, decider, wanted)
  const query = queryOf(address)
  const href = (cursor: string | null | undefined) =>
    `/queue?${query}${cursor ? `&after=${encodeURIComponent(cursor)}` : ''}`
  const { label, empty } = VIEWS[address.view]
  return showPage(c, 'queue', {
    title: `${label}, queue`,
    view: address.view,
    viewLabel: label,
    ...(await tabs(c, address)),
    filter: await filterChoices(c, address),
    saved: (await findSavedViews(db, actor.personId)).map((view) => ({
      ...view,
      href: `/queue?${view.query}`,
      current: view.query === query,
    })),
    query,
    selfHref: href(after),
    firstHref: after === undefined ? null : href(null),
    nextHref: page.nextCursor === null ? null : href(page.nextCursor),
    exportHref: `/queue/export?${query}`,
    now: shownTime(new Date(), timeZone),
    rows: page.items.map((rotation) => queueRow(rotation, actor, timeZone)),
    assignable: page.items.length > 0 && address.view !== 'closed',
    colleagues: await assignees(c, actor.personId),
    emptyTitle: empty[0],
    emptyText: empty[1],
    outcome: outcomeFacts(c),
    values: again?.values ?? {},
    ...(again === undefined ? {} : { problems: again.problems }),
  })
}

export function showQueueOfAddress(c: WebContext): Promise<Response> {
  return showQueue(c, readAddress(new URL(c.req.url).searchParams))
}

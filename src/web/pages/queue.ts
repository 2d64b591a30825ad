import { findRotations, type RotationView } from '../../database/rotations/views.ts'
import { ENDED_ROTATION_STATUSES, type RotationStatus } from '../../rules/rotations/rotation-lifecycle.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { showPage } from '../shown/page.ts'
import { rowFacts } from '../shown/rotation-facts.ts'
import { shownTimeOrNull } from '../shown/times.ts'

type View = {
  label: string
  statuses: readonly RotationStatus[]
  sort: 'deadline' | 'created'
  empty: readonly [title: string, text: string]
}

/** Saved views of the queue by the name in its address; the first is the one that opens. */
const VIEWS: Readonly<Record<string, View>> = {
  decide: {
    label: 'Needs decision',
    statuses: ['submitted'],
    sort: 'deadline',
    empty: ['Nothing waits for a decision', 'New requests appear here by themselves.'],
  },
  scheduled: {
    label: 'Scheduled',
    statuses: ['scheduled'],
    sort: 'deadline',
    empty: ['Nothing is scheduled', 'Approved requests wait here for their start.'],
  },
  running: {
    label: 'Running',
    statuses: ['executing', 'overlap', 'needs_attention'],
    sort: 'deadline',
    empty: ['Nothing is running', 'Requests whose new keys are made stay here until the old ones have stopped.'],
  },
  closed: {
    label: 'Closed',
    statuses: ENDED_ROTATION_STATUSES,
    sort: 'created',
    empty: ['Nothing closed yet', 'What has ended goes here.'],
  },
}
const AT_ONCE = 25

function approvalsFacts({ approvals, approvalsNeeded }: RotationView, personId: string) {
  const mine = approvals.some((approval) => approval.by.id === personId)
  return { approvalsWord: `${approvals.length} of ${approvalsNeeded}`, mineNote: mine ? 'one is yours' : null }
}

function rowOf(rotation: RotationView, c: WebContext) {
  const { actor, timeZone } = bearerOf(c)
  return {
    ...rowFacts(rotation, timeZone),
    urgent: rotation.reason === 'compromised',
    startsAt: shownTimeOrNull(rotation.notBefore, timeZone),
    startWord: 'as soon as approved',
    nextDeadline: shownTimeOrNull(rotation.nextDeadline, timeZone),
    ...approvalsFacts(rotation, actor.personId),
  }
}

/** What this agent can decide comes before what waits for somebody else's approval; a leaked key before all. */
function minesFirst(rotations: readonly RotationView[], personId: string): RotationView[] {
  const rank = (rotation: RotationView) =>
    (rotation.approvals.some((approval) => approval.by.id === personId) ? 2 : 0) +
    (rotation.reason === 'compromised' ? 0 : 1)
  return rotations.toSorted((a, b) => rank(a) - rank(b))
}

async function show(c: WebContext): Promise<Response> {
  const { personId } = actorFor(c, 'rotations.decide')
  const wanted = c.req.query('view') ?? 'decide'
  const [name, view] = Object.entries(VIEWS).find(([name]) => name === wanted) ?? ['decide', VIEWS.decide]
  if (view === undefined) throw new Error('the queue has no first view')
  const after = c.req.query('after')
  const filter = { status: view.statuses, sort: view.sort, cursor: after, limit: AT_ONCE }
  const page = await findRotations(c.get('desk').db, { organisationId: null }, filter)
  const rotations = name === 'decide' ? minesFirst(page.items, personId) : page.items
  const address = (cursor: string | null | undefined) =>
    `/queue?view=${name}${cursor ? `&after=${encodeURIComponent(cursor)}` : ''}`
  return showPage(c, 'queue', {
    title: `${view.label}, queue`,
    views: Object.entries(VIEWS).map(([key, { label }]) => ({
      label,
      href: `/queue?view=${key}`,
      current: key === name,
    })),
    viewLabel: view.label,
    selfHref: address(after),
    rotations: rotations.map((rotation) => rowOf(rotation, c)),
    emptyTitle: view.empty[0],
    emptyText: view.empty[1],
    nextHref: page.nextCursor === null ? null : address(page.nextCursor),
  })
}

export function addQueue(app: App): void {
  app.get('/queue', show)
}

import { findRotations, type RotationView } from '../../database/rotations/views.ts'
import { roleMay } from '../../rules/permissions.ts'
import { ENDED_ROTATION_STATUSES, LIVE_ROTATION_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { showPage } from '../shown/page.ts'
import { rowFacts } from '../shown/rotation-facts.ts'
import { waitsForPickUp } from '../shown/status.ts'
import { mayPickUp } from './pick-up.ts'
import { shownProposals } from './proposals.ts'

const MOST_LIVE = 100
const CLOSED_AT_ONCE = 25

/** Something that only the customer can do next: pick a new key up, or answer. */
function needsCustomer(rotation: RotationView): boolean {
  return rotation.status === 'needs_info' || rotation.items.some(waitsForPickUp)
}

function group(title: string, rotations: readonly RotationView[], timeZone: string, empty: [string, string]) {
  const [emptyTitle, emptyText] = empty
  const rows = rotations.map((rotation) => rowFacts(rotation, timeZone))
  return {
    id: title.toLowerCase().replaceAll(' ', '-'),
    title,
    count: rows.length,
    rotations: rows,
    emptyTitle,
    emptyText,
  }
}

async function show(c: WebContext): Promise<Response> {
  const { organisationId, role } = actorFor(c, 'rotations.view')
  if (organisationId === null) return c.redirect('/queue', 303)
  const { timeZone } = bearerOf(c)
  const { db } = c.get('desk')
  const viewer = { organisationId }
  const cursor = c.req.query('after')
  const live = await findRotations(db, viewer, { status: LIVE_ROTATION_STATUSES, sort: 'deadline', limit: MOST_LIVE })
  const closed = await findRotations(db, viewer, { status: ENDED_ROTATION_STATUSES, cursor, limit: CLOSED_AT_ONCE })
  const mayReveal = await mayPickUp(c)
  const waitingClosed = mayReveal ? closed.items.filter(needsCustomer) : []
  const needing = mayReveal ? [...live.items.filter(needsCustomer), ...waitingClosed] : []
  const rest = (rotations: readonly RotationView[]) => rotations.filter((rotation) => !needing.includes(rotation))
  return showPage(c, 'rotations', {
    title: 'Rotations',
    mayRequest: roleMay(role, 'rotations.submit'),
    proposals: await shownProposals(c),
    groups: [
      ...(mayReveal
        ? [group('Needs you', needing, timeZone, ['Nothing needs you', 'New keys to pick up appear here.'])]
        : []),
      group('Live', rest(live.items), timeZone, ['Nothing is under way', 'Request a rotation to replace keys.']),
      group('Closed', rest(closed.items), timeZone, ['Nothing closed yet', 'What has ended goes here.']),
    ],
    nextHref: closed.nextCursor === null ? null : `/rotations?after=${encodeURIComponent(closed.nextCursor)}`,
  })
}

export function addRotations(app: App): void {
  app.get('/rotations', show)
}

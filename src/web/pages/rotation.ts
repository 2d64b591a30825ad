import { findRotationEvents } from '../../database/audit/trail.ts'
import { findDecisionFacts } from '../../database/rotations/decision-facts.ts'
import { findRotation, type RotationView } from '../../database/rotations/views.ts'
import { withdrawRotation } from '../../desk/withdraw.ts'
import { roleMay } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { rotationMayMove } from '../../rules/rotations/rotation-lifecycle.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { needsCode } from '../forms/confirmed.ts'
import type { Problems, Typed } from '../forms/form.ts'
import { barred, checks } from '../shown/checks.ts'
import { showPage } from '../shown/page.ts'
import { rotationFacts } from '../shown/rotation-facts.ts'
import { waitsForPickUp } from '../shown/status.ts'
import { timeline } from '../shown/timeline.ts'
import { mayPickUp } from './pick-up.ts'
import { assignmentFacts } from './queue/assignment-facts.ts'
import { openMoves } from './rotation-moves.ts'

/** The rotation of this address, as whoever looks may see it. Refuses NOT_FOUND. */
export async function rotationOf(c: WebContext, ref: string): Promise<RotationView> {
  const { organisationId } = actorFor(c, 'rotations.view')
  const rotation = await findRotation(c.get('desk').db, { organisationId }, ref)
  if (rotation === undefined) throw new Refusal('NOT_FOUND')
  return rotation
}

function pickUp(rotation: RotationView, mayPickUp: boolean): { href: string; label: string } | null {
  return mayPickUp && rotation.items.some(waitsForPickUp)
    ? { href: `/rotations/${rotation.ref}/new-keys`, label: 'Get new keys' }
    : null
}

export type Deciding = { rejecting: boolean; values: Typed; problems?: Problems }

async function decisionFacts(c: WebContext, rotation: RotationView, deciding: Deciding) {
  const { actor, timeZone } = bearerOf(c)
  if (!roleMay(actor.role, 'rotations.decide') || !rotationMayMove('approve', rotation.status)) return null
  const { db } = c.get('desk')
  const facts = await findDecisionFacts(db, rotation, actor.personId)
  const { ref, revision, approvals, approvalsNeeded } = rotation
  return {
    checks: checks(rotation, facts, timeZone, new Date()),
    barred: barred(rotation, facts, actor),
    revision,
    seenAt: new Date().toISOString(),
    approveAction: `/rotations/${ref}/approval`,
    rejectAction: `/rotations/${ref}/rejection`,
    approvalWord: approvalsNeeded === 1 ? null : `${approvals.length + 1} of ${approvalsNeeded}`,
    rejecting: deciding.rejecting,
  }
}

/** A rotation's page, for its people with the moves open to them, for staff with what they decide on. */
export async function showRotation(
  c: WebContext,
  ref: string,
  deciding: Deciding = { rejecting: false, values: {} },
): Promise<Response> {
  const rotation = await rotationOf(c, ref)
  const { actor, timeZone } = bearerOf(c)
  const facts = rotationFacts(rotation, timeZone)
  const staff = actor.organisationId === null
  const events = await findRotationEvents(c.get('desk').db, { organisationId: actor.organisationId }, ref)
  const { values, problems } = deciding
  return showPage(c, 'rotation', {
    ...facts,
    organisation: staff ? facts.organisation : null,
    back: staff ? { href: '/queue', label: 'Queue' } : { href: '/rotations', label: 'Rotations' },
    primary: pickUp(rotation, await mayPickUp(c)),
    moves: openMoves(rotation, actor),
    assignment: await assignmentFacts(c, rotation),
    timeline: timeline(events, timeZone),
    decision: await decisionFacts(c, rotation, deciding),
    askCode: staff && (await needsCode(c)),
    values,
    ...(problems === undefined ? {} : { problems }),
  })
}

export function addRotation(app: App): void {
  app.get('/rotations/:ref', (c) => showRotation(c, c.req.param('ref')))
  app.post('/rotations/:ref/withdrawal', async (c) => {
    const ref = c.req.param('ref')
    const actor = actorFor(c, 'rotations.withdraw')
    const { status } = await rotationOf(c, ref)
    // Sent twice, it is withdrawn all the same.
    if (status !== 'withdrawn') await withdrawRotation(c.get('desk').db, actor, ref)
    return c.redirect(`/rotations/${ref}`, 303)
  })
}

import { findRotationEvents, type RotationEvent } from '../../database/audit/trail.ts'
import { findDecisionFacts } from '../../database/rotations/decision-facts.ts'
import { findCannedAnswers } from '../../database/rotations/messages.ts'
import { findRotation, type RotationView } from '../../database/rotations/views.ts'
import { withdrawRotation } from '../../desk/withdraw.ts'
import { roleMay } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { rotationMayMove } from '../../rules/rotations/rotation-lifecycle.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { needsCode } from '../forms/confirmed.ts'
import { newDraft } from '../forms/once.ts'
import { OVERLAP_LENGTHS } from '../forms/overlap.ts'
import { answerForm } from '../shown/answer-form.ts'
import { decisionView, waitsForDecision } from '../shown/decision.ts'
import { waitingFollowUps } from '../shown/follow-ups.ts'
import { showPage } from '../shown/page.ts'
import { rotationFacts } from '../shown/rotation-facts.ts'
import { waitsForPickUp } from '../shown/status.ts'
import { timeline } from '../shown/timeline.ts'
import { troubleFacts } from '../shown/trouble.ts'
import { FORM_TEXTS, type FormName, type Opened } from './conversation/forms.ts'
import { findFates } from './dependants/fates.ts'
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

async function findDecision(c: WebContext, rotation: RotationView) {
  const { actor, timeZone } = bearerOf(c)
  if (!roleMay(actor.role, 'rotations.decide') || !waitsForDecision(rotation)) return null
  const facts = await findDecisionFacts(c.get('desk').db, rotation, actor.personId)
  const keys = rotation.items.map((item) => ({ id: item.keyId, label: `${item.serviceName}, ${item.keyName}` }))
  const fates = await findFates(c, keys, rotation.overlapSeconds === 0 ? 'rotate_at_once' : 'rotate')
  return { ...decisionView(rotation, facts, actor, timeZone, new Date()), fates }
}

function findQuestion(c: WebContext, rotation: RotationView, events: readonly RotationEvent[], opened?: Opened) {
  const { actor, timeZone } = bearerOf(c)
  if (!roleMay(actor.role, 'rotations.answer') || !rotationMayMove('answer', rotation.status)) return null
  const typed = opened?.form === 'answer' ? opened.values : {}
  return answerForm(rotation, events, { typed, timeZone, overlaps: OVERLAP_LENGTHS })
}

type Ways = { decision: Awaited<ReturnType<typeof findDecision>>; question: ReturnType<typeof findQuestion> }

/** Which of the page's forms are there for this person now. */
function formsThere(c: WebContext, { decision, question }: Ways): Record<FormName, boolean> {
  const { role } = bearerOf(c).actor
  return {
    approve: decision?.barred === null,
    reject: decision?.mayReject ?? false,
    ask: decision?.mayAsk ?? false,
    answer: question !== null,
    message: roleMay(role, 'rotations.write'),
    note: roleMay(role, 'rotations.note'),
  }
}

/** The form that the page comes back to, opened and focused; what was typed in one that isn't there any more is shown by itself. */
function openedFacts(there: Record<FormName, boolean>, opened: Opened | undefined) {
  if (opened === undefined) return { values: {}, open: {}, focus: {}, kept: null }
  const { form, values, problems } = opened
  const shownProblems = problems === undefined ? {} : { problems }
  if (form === null) return { values, open: {}, focus: {}, kept: null, ...shownProblems }
  const kept = there[form] ? null : (values[FORM_TEXTS[form]] ?? null)
  const focus = problems === undefined && there[form] ? { [form]: true } : {}
  return { values, open: { [form]: true }, focus, kept, ...shownProblems }
}

async function conversationFacts(c: WebContext, ref: string, staff: boolean) {
  const canned = staff ? await findCannedAnswers(c.get('desk').db) : []
  return {
    draft: newDraft(),
    seenAt: new Date().toISOString(),
    cannedAnswers: canned.map(({ id, name }) => ({ id, name })),
    cannedAction: `/rotations/${ref}/canned-answer`,
    messageAction: `/rotations/${ref}/messages`,
    noteAction: `/rotations/${ref}/notes`,
  }
}

/** A rotation's page, for its people with the moves open to them, for staff with what they decide on. */
export async function showRotation(c: WebContext, ref: string, opened?: Opened): Promise<Response> {
  const rotation = await rotationOf(c, ref)
  const { actor, timeZone } = bearerOf(c)
  const facts = rotationFacts(rotation, timeZone, roleMay(actor.role, 'tasks.tick'))
  const staff = actor.organisationId === null
  const events = await findRotationEvents(c.get('desk').db, { organisationId: actor.organisationId }, ref)
  const decision = await findDecision(c, rotation)
  const question = findQuestion(c, rotation, events, opened)
  const there = formsThere(c, { decision, question })
  return showPage(c, 'rotation', {
    ...facts,
    ...(await conversationFacts(c, ref, staff)),
    ...openedFacts(there, opened),
    revision: rotation.revision,
    staff,
    organisation: staff ? facts.organisation : null,
    organisationHref: `/organisations/${rotation.organisationId}`,
    back: staff ? { href: '/queue', label: 'Queue' } : { href: '/rotations', label: 'Rotations' },
    primary: pickUp(rotation, await mayPickUp(c)),
    moves: openMoves(rotation, actor),
    followUps: waitingFollowUps(rotation, timeZone, roleMay(actor.role, 'rotations.decide')),
    trouble: roleMay(actor.role, 'rotations.mend') ? troubleFacts(rotation) : null,
    assignment: await assignmentFacts(c, rotation),
    timeline: timeline(events, timeZone),
    decision,
    question,
    mayWrite: there.message,
    mayNote: there.note,
    askCode: there.approve && (await needsCode(c)),
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

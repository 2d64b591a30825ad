import { z } from 'zod'
import { findDecisionFacts } from '../../../database/rotations/decision-facts.ts'
import { type FollowUpView, findFollowUp } from '../../../database/rotations/follow-ups.ts'
import { findRotation, type RotationView } from '../../../database/rotations/views.ts'
import { approveFollowUp, rejectFollowUp } from '../../../desk/follow-ups/decide.ts'
import { REFUSALS, Refusal } from '../../../rules/refusals.ts'
import { barFromDeciding } from '../../../rules/rotations/approvals.ts'
import { severalLines } from '../../../rules/text/foreign-text.ts'
import { REASON_WORDS } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { followUpFacts } from '../../shown/follow-ups.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'

const text = z.string().trim().max(2000, 'Use at most 2000 characters.').transform(severalLines)
const approval = z.object({ code: z.string().optional() })
const rejection = z.object({
  reason: text.pipe(z.string().min(1, 'Say why, so that they know what to do.')),
  code: z.string().optional(),
})

const LEADS = {
  early_revocation: 'This needs nobody’s approval.',
  extension: 'If you approve it, the old keys go on working beside the new ones until then.',
  rollback:
    'If it is approved, the new keys are deleted for good and the old ones, which may be in other hands, go on working.',
} as const satisfies Record<FollowUpView['type'], string>

type Seen = { followUp: FollowUpView; rotation: RotationView }

async function find(c: WebContext, id: string): Promise<Seen> {
  const { organisationId } = actorFor(c, 'rotations.decide')
  const { db } = c.get('desk')
  const followUp = await findFollowUp(db, id)
  const rotation = followUp && (await findRotation(db, { organisationId }, followUp.rotationRef))
  if (followUp === undefined || rotation === undefined) throw new Refusal('NOT_FOUND')
  return { followUp, rotation }
}

const OVER = {
  requested: null,
  done: 'It was carried out.',
  rejected: 'It was rejected.',
  lapsed: 'The old keys ended before it was decided.',
} as const satisfies Record<FollowUpView['status'], string | null>

/** Why this person can't decide it, in words, or null. */
async function barred(c: WebContext, { followUp, rotation }: Seen): Promise<string | null> {
  const { actor } = bearerOf(c)
  const over = OVER[followUp.status]
  if (over !== null) return over
  if (followUp.approvalsNeeded === 0) return LEADS.early_revocation
  if (followUp.approvals.some(({ by }) => by.id === actor.personId)) return REFUSALS.ALREADY_APPROVED
  const { ownOrganisationIds } = await findDecisionFacts(c.get('desk').db, rotation, actor.personId)
  const staffRole = actor.role === 'agent' || actor.role === 'admin' ? actor.role : null
  const person = { id: actor.personId, staffRole, organisationIds: ownOrganisationIds }
  const { requester, filedBy, organisationId } = rotation
  const sides = { requesterId: requester.id, filedById: filedBy?.id ?? null, organisationId }
  return barFromDeciding(person, sides)?.message ?? null
}

async function show(c: WebContext, id: string, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const seen = await find(c, id)
  const { followUp, rotation } = seen
  const { timeZone } = bearerOf(c)
  const facts = followUpFacts(rotation, followUp, timeZone)
  const { approvals, approvalsNeeded } = followUp
  return showPage(c, 'follow-up', {
    title: `${facts.title}, ${rotation.ref}`,
    ref: rotation.ref,
    organisation: shownOrganisation(rotation.organisationId, rotation.organisationName),
    reasonWord: REASON_WORDS[rotation.reason],
    followUp: facts,
    lead: LEADS[followUp.type],
    barred: await barred(c, seen),
    approveWord: approvalsNeeded > 1 ? `Approve (${approvals.length + 1} of ${approvalsNeeded})` : 'Approve',
    askCode: await needsCode(c),
    ...again,
  })
}

async function approve(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.decide')
  const { followUp, rotation } = await find(c, id)
  const done = c.redirect(`/rotations/${rotation.ref}`, 303)
  // Sent twice, it is approved already.
  if (followUp.approvals.some(({ by }) => by.id === actor.personId)) return done
  const { values, typed, problems } = await readForm(c, approval)
  const again = (problems: Problems) => show(c, id, { values: typed, problems })
  if (problems !== null) return again(problems)
  return orAskAgain(async () => {
    await confirmWithCode(c, values.code)
    await approveFollowUp(c.get('desk').db, actor, id)
    return done
  }, again)
}

async function reject(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.decide')
  const { followUp, rotation } = await find(c, id)
  const done = c.redirect(`/rotations/${rotation.ref}`, 303)
  const { values, typed, problems } = await readForm(c, rejection)
  const again = (problems: Problems) => show(c, id, { values: typed, problems })
  if (problems !== null) return again(problems)
  // Sent twice, it is rejected already.
  if (followUp.status === 'rejected' && followUp.decisionReason === values.reason) return done
  return orAskAgain(
    async () => {
      await confirmWithCode(c, values.code)
      await rejectFollowUp(c.get('desk').db, actor, id, { reason: values.reason })
      return done
    },
    again,
    { CONTAINS_SECRET: 'reason' },
  )
}

/** Where agents decide a follow-up that waits. */
export function addFollowUpDecision(app: App): void {
  app.get('/follow-ups/:id', (c) => show(c, c.req.param('id')))
  app.post('/follow-ups/:id/approval', (c) => approve(c, c.req.param('id')))
  app.post('/follow-ups/:id/rejection', (c) => reject(c, c.req.param('id')))
}

import { z } from 'zod'
import { findRotationEvents } from '../../database/audit/trail.ts'
import { approveRotation, rejectRotation } from '../../desk/decide.ts'
import { containsSecret } from '../../rules/keys/secret-text.ts'
import { REFUSALS, Refusal } from '../../rules/refusals.ts'
import { severalLines } from '../../rules/text/foreign-text.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { confirmWithCode } from '../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../forms/form.ts'
import { showPage } from '../shown/page.ts'
import { rotationStatus } from '../shown/status.ts'
import { timeline } from '../shown/timeline.ts'
import { type Deciding, rotationOf, showRotation } from './rotation.ts'

const text = z.string().trim().max(2000, 'Use at most 2000 characters.').transform(severalLines)
const revision = z.coerce.number().int()
/** When the page was shown, so that the stale page can tell what happened since. */
const seenAt = z.iso.datetime().catch(new Date(0).toISOString())
const approval = z.object({
  revision,
  seenAt,
  note: text,
  code: z.string().optional(),
})
const rejection = z.object({
  revision,
  seenAt,
  reason: text.pipe(z.string().min(1, 'Say why, so that they know what to do.')),
})
type Words = { verb: 'approval' | 'rejection'; typedName: 'note' | 'reason' }

/** What happened since the person opened the page; their text is kept, and nothing was decided. */
async function showStale(c: WebContext, ref: string, typed: Typed, { verb, typedName }: Words): Promise<Response> {
  const rotation = await rotationOf(c, ref)
  const { actor, timeZone } = bearerOf(c)
  const events = await findRotationEvents(c.get('desk').db, { organisationId: actor.organisationId }, ref)
  const since = new Date(typed.seenAt ?? 0)
  const facts = {
    title: `${ref} changed while you were reading`,
    ref,
    verb,
    changes: timeline(
      events.filter((event) => event.at > since),
      timeZone,
    ),
    status: rotationStatus(rotation, timeZone),
    typed: typed[typedName] ?? '',
    typedName,
    reviewAction: `/rotations/${ref}/review`,
  }
  return showPage(c, 'stale', facts, 409)
}

const STALE: readonly string[] = ['STALE_REVISION', 'ILLEGAL_MOVE', 'ALREADY_APPROVED']

async function orShowStale(
  c: WebContext,
  ref: string,
  typed: Typed,
  words: Words,
  run: () => Promise<Response>,
): Promise<Response> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof Refusal) || !STALE.includes(error.code)) throw error
    return showStale(c, ref, typed, words)
  }
}

function leak(field: string, text: string): Problems | null {
  return containsSecret(text) ? { [field]: REFUSALS.CONTAINS_SECRET } : null
}

/** Whether this person's approval of the current revision is there: a form sent twice finds its own. */
async function hasApproved(c: WebContext, ref: string, revision: number): Promise<boolean> {
  const rotation = await rotationOf(c, ref)
  const { personId } = bearerOf(c).actor
  return rotation.revision === revision && rotation.approvals.some((approval) => approval.by.id === personId)
}

async function approve(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.decide')
  const form = await readForm(c, approval)
  const again = (problems: Problems) => showRotation(c, ref, { rejecting: false, values: form.typed, problems })
  if (form.values === null) return again(form.problems)
  const { revision, note, code } = form.values
  const leaked = leak('note', note)
  if (leaked !== null) return again(leaked)
  if (await hasApproved(c, ref, revision)) return c.redirect(`/rotations/${ref}`, 303)
  const run = async () => {
    await confirmWithCode(c, code)
    await approveRotation(c.get('desk').db, actor, ref, { revision, note })
    return c.redirect(`/rotations/${ref}`, 303)
  }
  const words = { verb: 'approval', typedName: 'note' } as const
  return orShowStale(c, ref, form.typed, words, () => orAskAgain(run, again))
}

async function reject(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.decide')
  const form = await readForm(c, rejection)
  const again = (problems: Problems) => showRotation(c, ref, { rejecting: true, values: form.typed, problems })
  if (form.values === null) return again(form.problems)
  const { revision, reason } = form.values
  const leaked = leak('reason', reason)
  if (leaked !== null) return again(leaked)
  const run = async () => {
    await rejectRotation(c.get('desk').db, actor, ref, { revision, reason })
    return c.redirect(`/rotations/${ref}`, 303)
  }
  const words = { verb: 'rejection', typedName: 'reason' } as const
  return orShowStale(c, ref, form.typed, words, () => orAskAgain(run, again))
}

/** Back from the stale page to the rotation as it is now, with the text that was typed before. */
async function review(c: WebContext, ref: string): Promise<Response> {
  actorFor(c, 'rotations.decide')
  const { typed } = await readForm(c, z.object({}))
  const deciding: Deciding = { rejecting: (typed.reason ?? '') !== '', values: typed }
  return showRotation(c, ref, deciding)
}

export function addDecision(app: App): void {
  app.post('/rotations/:ref/approval', (c) => approve(c, c.req.param('ref')))
  app.post('/rotations/:ref/rejection', (c) => reject(c, c.req.param('ref')))
  app.post('/rotations/:ref/review', (c) => review(c, c.req.param('ref')))
}

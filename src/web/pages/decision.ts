import { z } from 'zod'
import { approveRotation, rejectRotation } from '../../desk/decide.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { confirmWithCode } from '../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../forms/form.ts'
import { neededText, revision, seenAt, text } from './conversation/forms.ts'
import { orShowStale } from './conversation/stale.ts'
import { rotationOf, showRotation } from './rotation.ts'

const approval = z.object({ revision, seenAt, note: text, code: z.string().optional() })
const rejection = z.object({ revision, seenAt, reason: neededText('Say why, so that they know what to do.') })

/** Whether this person's approval of the current revision is there: a form sent twice finds its own. */
async function hasApproved(c: WebContext, ref: string, revision: number): Promise<boolean> {
  const rotation = await rotationOf(c, ref)
  const { personId } = bearerOf(c).actor
  return rotation.revision === revision && rotation.approvals.some((approval) => approval.by.id === personId)
}

async function approve(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.decide')
  const { values, typed, problems } = await readForm(c, approval)
  const again = (problems: Problems) => showRotation(c, ref, { form: 'approve', values: typed, problems })
  if (problems !== null) return again(problems)
  const { revision, note, code } = values
  if (await hasApproved(c, ref, revision)) return c.redirect(`/rotations/${ref}`, 303)
  const run = async () => {
    await confirmWithCode(c, code)
    await approveRotation(c.get('desk').db, actor, ref, { revision, note })
    return c.redirect(`/rotations/${ref}`, 303)
  }
  return orShowStale(c, ref, { form: 'approve', typed }, () => orAskAgain(run, again))
}

async function reject(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.decide')
  const { values, typed, problems } = await readForm(c, rejection)
  const again = (problems: Problems) => showRotation(c, ref, { form: 'reject', values: typed, problems })
  if (problems !== null) return again(problems)
  const { revision, reason } = values
  const run = async () => {
    await rejectRotation(c.get('desk').db, actor, ref, { revision, reason })
    return c.redirect(`/rotations/${ref}`, 303)
  }
  return orShowStale(c, ref, { form: 'reject', typed }, () => orAskAgain(run, again))
}

export function addDecision(app: App): void {
  app.post('/rotations/:ref/approval', (c) => approve(c, c.req.param('ref')))
  app.post('/rotations/:ref/rejection', (c) => reject(c, c.req.param('ref')))
}

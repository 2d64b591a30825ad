import { z } from 'zod'
import { answerQuestion } from '../../../desk/conversation/answer.ts'
import type { RefusalCode } from '../../../rules/refusals.ts'
import { REASONS } from '../../../rules/rotations/approvals.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { OVERLAP_LENGTHS, secondsOfDays } from '../../forms/overlap.ts'
import { startTyped } from '../../shown/answer-form.ts'
import { startField } from '../filing/form.ts'
import { rotationOf, showRotation } from '../rotation.ts'
import { neededText, seenAt, text } from './forms.ts'
import { onceWritten } from './once.ts'
import { orShowStale } from './stale.ts'

const overlap = z
  .object({
    changesOverlap: z.enum(['', ...OVERLAP_LENGTHS.map(({ value }) => value)]).default(''),
    changesOtherDays: z.string().trim().default(''),
  })
  .transform(({ changesOverlap, changesOtherDays }, context) => {
    if (changesOverlap === '') return { overlapSeconds: undefined }
    const seconds = changesOverlap === 'other' ? secondsOfDays(changesOtherDays) : Number(changesOverlap)
    if (seconds === null) {
      const message = 'Enter a number of days from 0 to 30.'
      context.addIssue({ code: 'custom', path: ['changesOtherDays'], message })
    }
    return { overlapSeconds: seconds ?? 0 }
  })

function answerForm(timeZone: string) {
  return z.intersection(
    z.object({
      seenAt,
      draft: z.string(),
      questionId: z.string().optional(),
      answer: neededText('Write your answer.'),
      changesReason: z.enum(REASONS).optional(),
      changesDetails: text.optional(),
      changesNotBefore: startField(timeZone),
    }),
    overlap,
  )
}

const FIELDS: Partial<Record<RefusalCode, string>> = {
  START_TOO_FAR: 'changesNotBefore',
  OVERLAP_TOO_LONG: 'changesOverlap',
  COOLDOWN_TOO_LONG: 'changesOverlap',
  EXPIRES_IN_OVERLAP: 'changesOverlap',
  ON_HOLD: '',
  TOO_MANY_REQUESTS: 'answer',
}

async function answer(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.answer')
  const { timeZone } = bearerOf(c)
  const { values, typed, problems } = await readForm(c, answerForm(timeZone))
  const again = (problems: Problems) => showRotation(c, ref, { form: 'answer', values: typed, problems })
  if (problems !== null) return again(problems)
  const { notBefore } = await rotationOf(c, ref)
  // The field shows whole minutes, so what was left as it stood there stays as it is, to the millisecond.
  const kept = typed.changesNotBefore === undefined || typed.changesNotBefore === startTyped(notBefore, timeZone)
  const changes = {
    reason: values.changesReason,
    details: values.changesDetails,
    notBefore: kept ? undefined : values.changesNotBefore,
    overlapSeconds: values.overlapSeconds,
  }
  const { questionId } = values
  const run = () => answerQuestion(c.get('desk').db, actor, ref, { message: values.answer, changes, questionId })
  const sent = { draft: values.draft, words: JSON.stringify([values.answer, changes]) }
  const once = () => onceWritten(c, ref, sent, run)
  return orShowStale(c, ref, { form: 'answer', typed }, () => orAskAgain(once, again, FIELDS))
}

export function addAnswer(app: App): void {
  app.post('/rotations/:ref/answer', (c) => answer(c, c.req.param('ref')))
}

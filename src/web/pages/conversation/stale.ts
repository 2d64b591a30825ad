import { findRotationEvents } from '../../../database/audit/trail.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { bearerOf, type WebContext } from '../../context.ts'
import type { Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { rotationStatus } from '../../shown/status.ts'
import { timeline } from '../../shown/timeline.ts'
import { rotationOf } from '../rotation.ts'
import { FORM_TEXTS, type FormName } from './forms.ts'

const WORDS = {
  approve: 'Your approval',
  reject: 'Your rejection',
  ask: 'Your question',
  answer: 'Your answer',
  message: 'Your message',
  note: 'Your note',
} as const satisfies Record<FormName, string>

/** Belongs to the page that was sent, and not to what somebody typed. */
const NOT_TYPED: readonly string[] = ['formToken', 'code', 'revision', 'seenAt', 'questionId', 'draft', 'form']

/** What happened since the person opened the page; what they typed is kept, and nothing was carried out. */
async function showStale(c: WebContext, ref: string, form: FormName, typed: Typed): Promise<Response> {
  const rotation = await rotationOf(c, ref)
  const { actor, timeZone } = bearerOf(c)
  const events = await findRotationEvents(c.get('desk').db, { organisationId: actor.organisationId }, ref)
  const since = new Date(typed.seenAt ?? 0)
  const carried = Object.entries(typed).filter(([name]) => !NOT_TYPED.includes(name))
  const facts = {
    title: `${ref} changed while you were reading`,
    ref,
    what: WORDS[form],
    changes: timeline(
      events.filter((event) => event.at > since),
      timeZone,
    ),
    status: rotationStatus(rotation, timeZone),
    typed: typed[FORM_TEXTS[form]] ?? '',
    carried: [['form', form] as const, ...carried].map(([name, value]) => ({ name, value })),
    reviewAction: `/rotations/${ref}/review`,
  }
  return showPage(c, 'stale', facts, 409)
}

const STALE: readonly string[] = ['STALE_REVISION', 'ILLEGAL_MOVE', 'ALREADY_APPROVED']

/** Runs what a form asks for; where the rotation is no longer what the person saw, it shows what changed instead. */
export async function orShowStale(
  c: WebContext,
  ref: string,
  { form, typed }: { form: FormName; typed: Typed },
  run: () => Promise<Response>,
): Promise<Response> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof Refusal) || !STALE.includes(error.code)) throw error
    return showStale(c, ref, form, typed)
  }
}

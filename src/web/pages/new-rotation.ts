import type { z } from 'zod'
import { findRotation } from '../../database/rotations/views.ts'
import { submitRotation } from '../../desk/submit.ts'
import { Refusal, type RefusalCode } from '../../rules/refusals.ts'
import { DECIDE_WITHIN_SECONDS } from '../../rules/rotations/approvals.ts'
import { REASON_WORDS } from '../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { confirmWithCode, needsCode } from '../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, textsOf } from '../forms/form.ts'
import { showPage } from '../shown/page.ts'
import { type Answer, keyLines, overlapLine } from '../shown/rotation-facts.ts'
import { shownTimeOrNull } from '../shown/times.ts'
import { filingForm, findOwnServices } from './filing.ts'
import { askForFiling, type FilingTyped } from './filing-page.ts'
import { nextSteps, startHasPassed } from './filing-steps.ts'

type Filed = z.output<ReturnType<typeof filingForm>>

const FIELDS: Partial<Record<RefusalCode, string>> = {
  NO_KEYS: 'key',
  NOT_FOUND: 'key',
  ROTATION_IN_PROGRESS: 'key',
  START_TOO_FAR: 'notBefore',
  CONTAINS_SECRET: 'details',
  EXPIRES_IN_OVERLAP: 'overlap',
  TOO_MANY_REQUESTS: '',
}
/** What goes from step to step in the form itself, never in an address. */
const CARRIED = ['reason', 'details', 'notBefore', 'overlap', 'otherDays'] as const

async function typedFiling(c: WebContext): Promise<FilingTyped> {
  const entries = await Promise.all(CARRIED.map(async (name) => [name, (await textsOf(c, name))[0] ?? ''] as const))
  return { keyIds: await textsOf(c, 'key'), values: Object.fromEntries(entries) }
}

async function answers(c: WebContext, { filing, keyIds }: Filed): Promise<Answer[]> {
  const services = await findOwnServices(c, bearerOf(c).actor.organisationId ?? '')
  const keys = services.flatMap((service) =>
    service.keys
      .filter((key) => keyIds.includes(key.id))
      .map(({ kind, versions }) => {
        const last4 = (versions.find((version) => version.accepted) ?? versions[0])?.last4 ?? ''
        return { serviceName: service.name, environment: service.environment, kind, last4 }
      }),
  )
  const notBefore = filing.notBefore ?? null
  const start = shownTimeOrNull(notBefore, bearerOf(c).timeZone)
  const passed = startHasPassed(notBefore, new Date()) ? ['As soon as approved; the time you gave has passed:'] : []
  const starts = start === null ? ['As soon as approved'] : passed
  const answer = (label: string, change: string, ...lines: string[]) => ({ label, lines, at: null, change })
  return [
    answer('Keys', 'key', ...keyLines(keys)),
    answer('Reason', 'reason', REASON_WORDS[filing.reason]),
    answer('Details', 'details', filing.details || 'None'),
    { ...answer('Earliest start', 'notBefore', ...starts), at: start },
    answer('Old keys work for', 'overlap', overlapLine(filing.overlapSeconds)),
  ]
}

async function showCheck(c: WebContext, filed: Filed, problems?: Problems): Promise<Response> {
  const { keyIds, values } = await typedFiling(c)
  const now = new Date()
  const decideBy = new Date(now.getTime() + DECIDE_WITHIN_SECONDS * 1000)
  const { reason, notBefore = null, overlapSeconds } = filed.filing
  const plan = { reason, keyCount: keyIds.length, notBefore, overlapSeconds, decideBy }
  return showPage(c, 'check-answers', {
    title: 'Check your answers',
    carried: [
      ...keyIds.map((value) => ({ name: 'key', value })),
      ...Object.entries(values).map(([name, value]) => ({ name, value })),
    ],
    answers: await answers(c, filed),
    urgent: reason === 'compromised' && overlapSeconds > 0,
    nextSteps: nextSteps(plan, bearerOf(c).timeZone, now),
    askCode: await needsCode(c),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function check(c: WebContext): Promise<Response> {
  actorFor(c, 'rotations.submit')
  const form = await readForm(c, filingForm(bearerOf(c).timeZone))
  if (form.problems !== null) return askForFiling(c, await typedFiling(c), form.problems)
  return showCheck(c, form.values)
}

/** A filing that was sent twice: all its keys are in one live rotation, which this person filed. */
async function findOwnDouble(c: WebContext, { keyIds }: Filed): Promise<string | null> {
  const { actor } = bearerOf(c)
  const viewer = { organisationId: actor.organisationId }
  const services = await findOwnServices(c, actor.organisationId ?? '')
  const keys = services.flatMap((service) => service.keys).filter((key) => keyIds.includes(key.id))
  const [ref, ...others] = new Set(keys.map((key) => key.rotationRef))
  if (ref === undefined || ref === null || others.length > 0) return null
  const rotation = await findRotation(c.get('desk').db, viewer, ref)
  return rotation?.requester.id === actor.personId && rotation.items.length === keyIds.length ? ref : null
}

async function file(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'rotations.submit')
  const form = await readForm(c, filingForm(bearerOf(c).timeZone))
  if (form.problems !== null) return askForFiling(c, await typedFiling(c), form.problems)
  const filed = form.values
  const { db } = c.get('desk')
  return orAskAgain(
    async () => {
      await confirmWithCode(c, filed.code)
      const { ref } = await submitRotation(db, actor, filed.filing).catch(async (error: unknown) => {
        const double =
          error instanceof Refusal && error.code === 'ROTATION_IN_PROGRESS' && (await findOwnDouble(c, filed))
        if (double) return { ref: double }
        throw error
      })
      return c.redirect(`/rotations/${ref}/filed`, 303)
    },
    async (problems) =>
      'code' in problems || '' in problems
        ? showCheck(c, filed, problems)
        : askForFiling(c, await typedFiling(c), problems),
    FIELDS,
  )
}

async function showFiled(c: WebContext, ref: string): Promise<Response> {
  const { organisationId } = actorFor(c, 'rotations.submit')
  const rotation = await findRotation(c.get('desk').db, { organisationId }, ref)
  if (rotation === undefined) throw new Refusal('NOT_FOUND')
  const { reason, items, notBefore, overlapSeconds, nextDeadline, approvalsNeeded } = rotation
  const plan = { reason, keyCount: items.length, notBefore, overlapSeconds, decideBy: nextDeadline, approvalsNeeded }
  return showPage(c, 'filed', {
    title: 'Request sent',
    ref,
    href: `/rotations/${ref}`,
    nextSteps: nextSteps(plan, bearerOf(c).timeZone, new Date()),
  })
}

export function addNewRotation(app: App): void {
  app.get('/rotations/new', (c) => askForFiling(c, { keyIds: c.req.queries('key') ?? [], values: {} }))
  app.post('/rotations/new', async (c) => askForFiling(c, await typedFiling(c)))
  app.post('/rotations/check', check)
  app.post('/rotations', file)
  app.get('/rotations/:ref/filed', (c) => showFiled(c, c.req.param('ref')))
}

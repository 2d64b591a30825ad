import type { z } from 'zod'
import type { ServiceView } from '../../../database/keys/services.ts'
import { decideBy } from '../../../rules/rotations/approvals.ts'
import { clockOf } from '../../../rules/rotations/overlap.ts'
import { REASON_WORDS } from '../../../rules/text/words.ts'
import { bearerOf, type WebContext } from '../../context.ts'
import { needsCode } from '../../forms/confirmed.ts'
import { type Problems, textsOf } from '../../forms/form.ts'
import { overlapLines } from '../../forms/overlap.ts'
import { showPage } from '../../shown/page.ts'
import { type Answer, keyLines } from '../../shown/rotation-facts.ts'
import { shownTimeOrNull } from '../../shown/times.ts'
import { findFates } from '../dependants/fates.ts'
import { type FilingTyped, replacedFacts } from './ask.ts'
import type { filingForm } from './form.ts'
import { findAllServices, type Side } from './side.ts'
import { nextSteps, startHasPassed } from './steps.ts'

export type Filed = z.output<ReturnType<typeof filingForm>>

/** What goes from step to step in the form itself, never in an address. */
const CARRIED = ['reason', 'details', 'notBefore', 'overlap', 'otherDays', 'proposal', 'owner', 'verifiedBy'] as const

export async function typedFiling(c: WebContext): Promise<FilingTyped> {
  const entries = await Promise.all(CARRIED.map(async (name) => [name, (await textsOf(c, name))[0] ?? ''] as const))
  return { keyIds: await textsOf(c, 'key'), values: Object.fromEntries(entries) }
}

function answer(label: string, change: string | null, ...lines: string[]): Answer {
  return { label, lines, at: null, change, link: null }
}

/** For whom, and in whose place. */
function specialAnswers({ filing }: Filed, { owners, organisation, replaced }: Side): Answer[] {
  const { onBehalfOf } = filing
  const owner = owners?.find(({ personId }) => personId === onBehalfOf?.personId)
  return [
    ...(onBehalfOf === undefined
      ? []
      : [
          answer('On behalf of', 'owner', owner?.name ?? '', `an owner of ${organisation.name}`),
          answer('How you verified them', 'verifiedBy', onBehalfOf.verifiedBy),
        ]),
    ...(replaced === null ? [] : [answer('Takes the place of', null, replaced.ref)]),
  ]
}

function answers(c: WebContext, side: Side, filed: Filed, services: readonly ServiceView[]): Answer[] {
  const { filing, keyIds } = filed
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
  return [
    ...specialAnswers(filed, side),
    answer('Keys', 'key', ...keyLines(keys)),
    answer('Reason', 'reason', REASON_WORDS[filing.reason]),
    answer('Details', 'details', filing.details || 'None'),
    { ...answer('Earliest start', 'notBefore', ...starts), at: start },
    answer('Old keys work for', 'overlap', ...overlapLines(filing)),
  ]
}

/** What becomes of what depends on the keys. */
function fatesOf(c: WebContext, { filing, keyIds }: Filed, services: readonly ServiceView[]) {
  const keys = services.flatMap((service) =>
    service.keys.map((key) => ({ id: key.id, label: `${service.name}, ${key.name}` })),
  )
  const chosen = keys.filter(({ id }) => keyIds.includes(id))
  return findFates(c, chosen, filing.overlapSeconds === 0 ? 'rotate_at_once' : 'rotate')
}

/** What the form carries on, the keys and the side included. */
function carriedFields({ keyIds, values }: FilingTyped, side: Side) {
  const ofSide = {
    ...(side.owners === null ? {} : { organisation: side.organisationId }),
    ...(side.replaced === null ? {} : { replaces: side.replaced.ref }),
  }
  return [
    ...keyIds.map((value) => ({ name: 'key', value })),
    ...Object.entries({ ...values, ...ofSide }).map(([name, value]) => ({ name, value })),
  ]
}

/** Everything once more before it is sent, with what happens then, and the code where one is needed. */
export async function showCheck(c: WebContext, side: Side, filed: Filed, problems?: Problems): Promise<Response> {
  const typed = await typedFiling(c)
  const services = await findAllServices(c, side.organisationId, typed.keyIds)
  const now = new Date()
  const { reason, notBefore = null, overlapSeconds } = filed.filing
  const onBehalf = side.owners !== null
  const plan = {
    reason,
    keyCount: typed.keyIds.length,
    notBefore,
    overlapSeconds,
    clock: clockOf(filed.filing),
    decideBy: decideBy(now),
    onBehalf,
  }
  return showPage(c, 'check-answers', {
    title: 'Check your answers',
    carried: carriedFields(typed, side),
    answers: answers(c, side, filed, services),
    fates: await fatesOf(c, filed, services),
    urgent: reason === 'compromised' && overlapSeconds > 0 && !onBehalf,
    replaced: replacedFacts(side),
    nextSteps: nextSteps(plan, bearerOf(c).timeZone, now),
    askCode: await needsCode(c),
    cancelHref: onBehalf ? '/desk' : '/rotations',
    ...(problems === undefined ? {} : { problems }),
  })
}

import { z } from 'zod'
import { findMemberships } from '../../../database/people/people.ts'
import { findEmergencyStops, findRecoveryCase, type RecoveryView } from '../../../database/people/recovery-cases.ts'
import { carryOutRecoveryCase } from '../../../identity/recovery/carry-out.ts'
import { confirmRecoveryCase, refuseRecoveryCase } from '../../../identity/recovery/decide.ts'
import { openRequestedCase } from '../../../identity/recovery/open.ts'
import type { PersonActor } from '../../../rules/permissions.ts'
import {
  barFromRecovery,
  isStaleCase,
  mayStopKeys,
  type RecoveryMove,
  recoveryMayMove,
} from '../../../rules/recovery.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed, textsOf } from '../../forms/form.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { checkChoices, RECOVERY_KIND_WORDS, recoveryStatus, recoverySteps, shownStops } from '../../shown/recovery.ts'
import { shownTimeOrNull } from '../../shown/times.ts'
import { FIELDS, verification } from './new-case.ts'

const NEXT: Partial<Record<string, Exclude<RecoveryMove, 'refuse'>>> = {
  requested: 'open',
  opened: 'confirm',
  confirmed: 'carry_out',
}

async function caseOf(c: WebContext): Promise<RecoveryView> {
  const actor = actorFor(c, 'recovery.manage')
  const recovery = await findRecoveryCase(c.get('desk').db, actor, c.req.param('id') ?? '')
  if (recovery === undefined) throw new Refusal('NOT_FOUND')
  return recovery
}

/** The next step of a case, and why this person can't take it now, if so. */
async function nextStep(c: WebContext, recovery: RecoveryView, actor: PersonActor) {
  const move = NEXT[recovery.status]
  if (move === undefined)
    return { opening: false, confirming: false, carryingOut: false, waits: false, stale: false, barred: null }
  const memberships = await findMemberships(c.get('desk').db, actor.personId)
  const staffRole = actor.role === 'admin' ? 'admin' : 'agent'
  const agent = {
    personId: actor.personId,
    staffRole,
    organisationIds: memberships.map((m) => m.organisationId),
  } as const
  const bar = barFromRecovery(agent, recovery, move)
  const { notBefore } = recovery
  const now = new Date()
  const waits = move === 'carry_out' && notBefore !== null && now < notBefore
  const stale = move === 'carry_out' && notBefore !== null && isStaleCase(notBefore, now)
  const open = bar === null && !waits && !stale
  return {
    opening: open && move === 'open',
    confirming: open && move === 'confirm',
    carryingOut: open && move === 'carry_out',
    waits,
    stale,
    barred: bar?.message ?? null,
  }
}

type Again = { values: Typed; problems: Problems; checks?: readonly string[] }

async function show(c: WebContext, again?: Again): Promise<Response> {
  const { actor, timeZone } = bearerOf(c)
  const recovery = await caseOf(c)
  const { checks, ...shown } = again ?? { checks: [] }
  return showPage(c, 'recovery-case', {
    title: `Recovery case of ${recovery.name}`,
    href: `/desk/recovery/${recovery.id}`,
    name: recovery.name,
    email: recovery.email,
    personHref: recovery.personId === null ? null : `/people/${recovery.personId}`,
    kindWord: RECOVERY_KIND_WORDS[recovery.kind],
    noOwner: recovery.kind === 'no_owner',
    organisation: organisationOf(recovery),
    status: recoveryStatus(recovery, new Date()),
    verifiedBy: (recovery.verifiedBy ?? '').split('\n').filter((line) => line !== ''),
    ticked: checkChoices(recovery.checks).filter(({ ticked }) => ticked),
    checks: checkChoices(checks),
    notBefore: shownTimeOrNull(recovery.notBefore, timeZone),
    reason: recovery.reason,
    steps: recoverySteps(recovery, timeZone),
    stops: shownStops(await findEmergencyStops(c.get('desk').db, recovery.id), timeZone),
    next: await nextStep(c, recovery, actor),
    emergencyHref: mayStopKeys(recovery) ? `/desk/recovery/${recovery.id}/emergency` : null,
    justStopped: c.req.query('stopped') !== undefined,
    mayRefuse: recoveryMayMove('refuse', recovery.status),
    askCode: await needsCode(c),
    ...shown,
  })
}

function organisationOf({ organisationId, organisation }: RecoveryView) {
  if (organisationId === null) return null
  return { ...shownOrganisation(organisationId, organisation ?? ''), href: `/organisations/${organisationId}` }
}

async function openRequested(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'recovery.manage')
  const { id } = await caseOf(c)
  const checks = await textsOf(c, 'checks')
  const { values, typed, problems } = await readForm(c, z.object(verification))
  const again = (wrong: Problems) => show(c, { values: typed, problems: wrong, checks })
  if (problems !== null) return again(problems)
  const run = async () => {
    await confirmWithCode(c, values.code)
    await openRequestedCase(c.get('desk').db, actor, id, { verifiedBy: values.verifiedBy, checks })
    return c.redirect(`/desk/recovery/${id}`, 303)
  }
  return orAskAgain(run, again, FIELDS)
}

const confirmation = z.object({
  checked: z.literal('yes', 'Look at it yourself first, then say that you did.'),
  code: z.string().optional(),
})

async function confirm(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'recovery.manage')
  const { id } = await caseOf(c)
  const { values, typed, problems } = await readForm(c, confirmation)
  const again = (wrong: Problems) => show(c, { values: typed, problems: wrong })
  if (problems !== null) return again(problems)
  const run = async () => {
    await confirmWithCode(c, values.code)
    await confirmRecoveryCase(c.get('desk').db, actor, id)
    return c.redirect(`/desk/recovery/${id}`, 303)
  }
  return orAskAgain(run, again, FIELDS)
}

async function carryOut(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'recovery.manage')
  const { id } = await caseOf(c)
  const { typed } = await readForm(c, z.object({}))
  const run = async () => {
    await confirmWithCode(c, typed.code)
    await carryOutRecoveryCase(c.get('desk').db, actor, id)
    return c.redirect(`/desk/recovery/${id}`, 303)
  }
  return orAskAgain(run, (wrong) => show(c, { values: typed, problems: wrong }), { ...FIELDS, COOLING_OFF: '' })
}

async function refuse(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'recovery.manage')
  const { id } = await caseOf(c)
  const { typed } = await readForm(c, z.object({}))
  const run = async () => {
    await refuseRecoveryCase(c.get('desk').db, actor, id, typed.reason ?? '')
    return c.redirect(`/desk/recovery/${id}`, 303)
  }
  return orAskAgain(run, (wrong) => show(c, { values: typed, problems: wrong }), { ILLEGAL_MOVE: '' })
}

/** A case for the staff, with the step that is open now. */
export function addRecoveryCase(app: App): void {
  app.get('/desk/recovery/:id', (c) => show(c))
  app.post('/desk/recovery/:id/opening', openRequested)
  app.post('/desk/recovery/:id/confirmation', confirm)
  app.post('/desk/recovery/:id/carrying-out', carryOut)
  app.post('/desk/recovery/:id/refusal', refuse)
}

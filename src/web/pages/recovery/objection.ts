import { z } from 'zod'
import { findContacts } from '../../../database/people/memberships.ts'
import { findEmergencyStops, findRecoveryCase, type RecoveryView } from '../../../database/people/recovery-cases.ts'
import { refuseRecoveryCase } from '../../../identity/recovery/decide.ts'
import { mayObject, recoveryMayMove } from '../../../rules/recovery.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, bearerOf, type WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { RECOVERY_KIND_WORDS, recoveryStatus, recoverySteps, shownStops } from '../../shown/recovery.ts'
import { shownTimeOrNull } from '../../shown/times.ts'

/** A case of the reader's own organisation. Refuses NOT_FOUND, also what nobody has verified yet. */
async function caseOf(c: WebContext): Promise<RecoveryView> {
  const { actor } = bearerOf(c)
  const recovery = await findRecoveryCase(c.get('desk').db, actor, c.req.param('id') ?? '')
  if (recovery === undefined || recovery.openedAt === null) throw new Refusal('NOT_FOUND')
  return recovery
}

async function countOwners(c: WebContext, organisationId: string | null): Promise<number> {
  const contacts = await findContacts(c.get('desk').db, organisationId)
  return contacts.filter(({ role, disabledAt }) => role === 'owner' && disabledAt === null).length
}

async function show(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const { actor, timeZone } = bearerOf(c)
  if (actor.organisationId === null) return c.redirect(`/desk/recovery/${c.req.param('id')}`, 303)
  const recovery = await caseOf(c)
  const { id, name, email, kind, status, notBefore, reason } = recovery
  const open = recoveryMayMove('refuse', status)
  return showPage(c, 'objection', {
    title: 'A recovery of access',
    name,
    email,
    kindWord: RECOVERY_KIND_WORDS[kind],
    noOwner: kind === 'no_owner',
    status: recoveryStatus(recovery, new Date()),
    notBefore: shownTimeOrNull(notBefore, timeZone),
    reason,
    steps: recoverySteps(recovery, timeZone),
    stops: shownStops(await findEmergencyStops(c.get('desk').db, recovery.id), timeZone),
    open,
    action: `/recovery/${id}/objection`,
    mayObject: open && mayObject(actor, recovery, await countOwners(c, recovery.organisationId)),
    ...again,
  })
}

async function object(c: WebContext): Promise<Response> {
  const { actor } = bearerOf(c)
  if (actor.organisationId === null) throw new Refusal('NOT_ALLOWED')
  const { id, status } = await caseOf(c)
  const back = () => c.redirect(`/recovery/${id}`, 303)
  const { typed } = await readForm(c, z.object({}))
  // Sent twice, it is refused already.
  if (status === 'refused') return back()
  const run = async () => {
    await refuseRecoveryCase(c.get('desk').db, actor, id, typed.reason ?? '')
    return back()
  }
  return orAskAgain(run, (wrong) => show(c, { values: typed, problems: wrong }), { ILLEGAL_MOVE: '' })
}

/** A case for the people of its organisation, who can object until it is carried out. */
export function addObjection(app: App): void {
  app.get('/recovery/:id', (c) => show(c))
  app.post('/recovery/:id/objection', object)
}

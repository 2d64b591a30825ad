import { findProposals } from '../../../database/proposals/find.ts'
import { findRotation } from '../../../database/rotations/views.ts'
import { submitRotation } from '../../../desk/submit.ts'
import { holdStopsFiling, onHold } from '../../../rules/hold.ts'
import { Refusal, type RefusalCode } from '../../../rules/refusals.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode } from '../../forms/confirmed.ts'
import { type Form, orAskAgain, type Problems, readForm, textsOf } from '../../forms/form.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { askForFiling, askForOrganisation, type FilingTyped } from './ask.ts'
import { type Filed, showCheck, typedFiling } from './check.ts'
import { filingForm } from './form.ts'
import { refuseAgainstPolicy } from './offered.ts'
import { findAllServices, findOwnHold, findSide, type Side } from './side.ts'
import { nextSteps } from './steps.ts'

const FIELDS: Partial<Record<RefusalCode, string>> = {
  NO_KEYS: 'key',
  NOT_FOUND: 'key',
  ROTATION_IN_PROGRESS: 'key',
  ON_HOLD: 'reason',
  START_TOO_FAR: 'notBefore',
  CONTAINS_SECRET: 'details',
  EXPIRES_IN_OVERLAP: 'overlap',
  OVERLAP_TOO_LONG: 'overlap',
  COOLDOWN_TOO_LONG: 'overlap',
  NOT_FROM_HERE: 'key',
  TOO_MANY_REQUESTS: '',
}
/** What stands against replacing the rotation that is to be replaced. */
const REPLACING: Partial<Record<RefusalCode, string>> = { ...FIELDS, ILLEGAL_MOVE: 'replaces', NOT_ALLOWED: 'replaces' }

/** The side that the form says; the staff who say none choose an organisation first. */
async function withSide(c: WebContext, run: (side: Side) => Promise<Response>): Promise<Response> {
  actorFor(c, 'rotations.file')
  const [organisation] = await textsOf(c, 'organisation')
  const [replaces] = await textsOf(c, 'replaces')
  const side = await findSide(c, { organisation, replaces })
  return side === null ? askForOrganisation(c) : run(side)
}

async function askAgain(c: WebContext, side: Side, problems?: Problems): Promise<Response> {
  return askForFiling(c, side, await typedFiling(c), problems)
}

function readFiling(c: WebContext, { owners, replaced }: Side): Promise<Form<Filed>> {
  return readForm(c, filingForm(bearerOf(c).timeZone, { ofStaff: owners !== null, replaces: replaced?.ref }))
}

/** A person on hold hears it before the last step, not after their code. */
async function heldProblems(c: WebContext, side: Side, { filing }: Filed): Promise<Problems | null> {
  const hold = holdStopsFiling(filing.reason) ? await findOwnHold(c, side) : null
  if (hold === null) return null
  return {
    reason: onHold('a request of yours', hold.until, bearerOf(c).timeZone, ' Only a leaked key can’t wait.').message,
  }
}

function check(c: WebContext): Promise<Response> {
  return withSide(c, async (side) => {
    const form = await readFiling(c, side)
    if (form.problems !== null) return askAgain(c, side, form.problems)
    const held = await heldProblems(c, side, form.values)
    if (held !== null) return askAgain(c, side, held)
    const filed = form.values
    const run = async () => {
      await refuseAgainstPolicy(c, side, filed)
      return showCheck(c, side, filed)
    }
    return orAskAgain(run, (problems) => askAgain(c, side, problems), FIELDS)
  })
}

/** A filing that was sent twice: all its keys are in one live rotation, which this person filed. */
async function findOwnDouble(c: WebContext, side: Side, { keyIds }: Filed): Promise<string | null> {
  const { organisationId } = side
  const services = await findAllServices(c, organisationId, keyIds)
  const keys = services.flatMap((service) => service.keys).filter((key) => keyIds.includes(key.id))
  const [ref, ...others] = new Set(keys.map((key) => key.rotationRef))
  if (ref === undefined || ref === null || others.length > 0) return null
  const rotation = await findRotation(c.get('desk').db, { organisationId }, ref)
  return rotation?.filedBy?.id === side.actor.personId && rotation.items.length === keyIds.length ? ref : null
}

async function submit(c: WebContext, side: Side, filed: Filed): Promise<string> {
  try {
    return (await submitRotation(c.get('desk').db, side.actor, filed.filing)).ref
  } catch (error) {
    const taken = error instanceof Refusal && error.code === 'ROTATION_IN_PROGRESS'
    const double = taken ? await findOwnDouble(c, side, filed) : null
    if (double === null) throw error
    return double
  }
}

function file(c: WebContext): Promise<Response> {
  return withSide(c, async (side) => {
    const form = await readFiling(c, side)
    if (form.problems !== null) return askAgain(c, side, form.problems)
    const filed = form.values
    const run = async () => {
      await confirmWithCode(c, filed.code)
      return c.redirect(`/rotations/${await submit(c, side, filed)}/filed`, 303)
    }
    const again = (problems: Problems) =>
      'code' in problems || '' in problems ? showCheck(c, side, filed, problems) : askAgain(c, side, problems)
    return orAskAgain(run, again, side.replaced === null ? FIELDS : REPLACING)
  })
}

async function showFiled(c: WebContext, ref: string): Promise<Response> {
  const { organisationId } = actorFor(c, 'rotations.file')
  const rotation = await findRotation(c.get('desk').db, { organisationId }, ref)
  if (rotation === undefined) throw new Refusal('NOT_FOUND')
  const { reason, items, notBefore, overlapSeconds, nextDeadline, approvalsNeeded, verifiedBy } = rotation
  const onBehalf = verifiedBy !== null && organisationId === null
  const plan = {
    reason,
    keyCount: items.length,
    notBefore,
    overlapSeconds,
    decideBy: nextDeadline,
    approvalsNeeded,
    onBehalf,
    clock: rotation,
    byPolicy: rotation.byPolicy,
  }
  return showPage(c, 'filed', {
    title: 'Request sent',
    ref,
    href: `/rotations/${ref}`,
    organisation: shownOrganisation(rotation.organisationId, rotation.organisationName),
    all: organisationId === null ? { href: '/queue', label: 'Queue' } : { href: '/rotations', label: 'All rotations' },
    nextSteps: nextSteps(plan, bearerOf(c).timeZone, new Date()),
  })
}

/** The keys and the reason of a proposal that an owner follows, as long as it is open. */
async function beginProposed(c: WebContext, { owners, organisationId }: Side): Promise<FilingTyped | null> {
  const id = c.req.query('proposal')
  if (id === undefined || owners !== null) return null
  const [proposal] = await findProposals(c.get('desk').db, { organisationId }, id)
  if (proposal === undefined) return null
  const reason = proposal.cause === 'password_changed' ? 'other' : 'staff_change'
  return { keyIds: proposal.keys.map((key) => key.id), values: { reason, proposal: id } }
}

async function showForm(c: WebContext): Promise<Response> {
  const side = await findSide(c, { organisation: c.req.query('organisation'), replaces: c.req.query('replaces') })
  if (side === null) return askForOrganisation(c)
  // A letter or another page may lead here with keys and a reason chosen already.
  const reason = c.req.query('reason')
  const values = reason === undefined ? {} : { reason }
  const proposed = await beginProposed(c, side)
  if (proposed !== null) return askForFiling(c, side, proposed)
  return askForFiling(c, side, { keyIds: c.req.queries('key') ?? [], values })
}

/** Filing a rotation: by an owner for their organisation, by the staff on behalf of an owner; in three steps, the last with a code. */
export function addNewRotation(app: App): void {
  app.get('/rotations/new', showForm)
  app.post('/rotations/new', (c) => withSide(c, (side) => askAgain(c, side)))
  app.post('/rotations/check', check)
  app.post('/rotations', file)
  app.get('/rotations/:ref/filed', (c) => showFiled(c, c.req.param('ref')))
}

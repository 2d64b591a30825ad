import { z } from 'zod'
import { findOrganisation } from '../../../database/people/organisations.ts'
import { findPeople } from '../../../database/people/places.ts'
import { openRecoveryCase } from '../../../identity/recovery/open.ts'
import { RECOVERY_KINDS } from '../../../rules/recovery.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { ROLE_WORDS } from '../../../rules/text/words.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed, textsOf } from '../../forms/form.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { checkChoices } from '../../shown/recovery.ts'

const VERIFIED = z.string().trim().min(1, 'Say how you made sure who called.')
export const verification = { verifiedBy: VERIFIED, code: z.string().optional() }
const lostAccess = z.object({
  personId: z.string('Choose whose access it is.').min(1, 'Choose whose access it is.'),
  ...verification,
})
const noOwner = z.object({
  name: z.string().trim().min(1, 'Enter the name of the new owner.'),
  email: z.string().trim().min(1, 'Enter the email address of the new owner.'),
  ...verification,
})
export const FIELDS = { OWN_CASE: '', CASE_OPEN: '', ILLEGAL_MOVE: '' }

type Subject = { kind: (typeof RECOVERY_KINDS)[number]; organisation: { id: string; name: string } | null }

/** What the case is about, as the address says; without an organisation it is about somebody of the staff. */
async function subjectOf(c: WebContext): Promise<Subject> {
  actorFor(c, 'recovery.manage')
  const kind = RECOVERY_KINDS.find((each) => each === c.req.query('kind')) ?? 'lost_access'
  const id = c.req.query('organisation')
  const organisation = id === undefined ? null : await findOrganisation(c.get('desk').db, id)
  if (organisation === undefined) throw new Refusal('NOT_FOUND')
  if (kind === 'no_owner' && organisation === null) throw new Refusal('NOT_FOUND')
  return { kind, organisation }
}

function addressOf({ kind, organisation }: Subject): string {
  return `/desk/recovery/new?kind=${kind}${organisation === null ? '' : `&organisation=${organisation.id}`}`
}

async function peopleOf(c: WebContext, { kind, organisation }: Subject, chosen: string | undefined) {
  if (kind === 'no_owner') return []
  const people = await findPeople(c.get('desk').db, organisation?.id ?? null)
  return people
    .filter(({ disabledAt }) => disabledAt === null)
    .map(({ personId, name, email, role }) => ({
      value: personId,
      label: `${name}, ${email}, ${ROLE_WORDS[role]}`,
      chosen: personId === chosen,
    }))
}

type Again = { values: Typed; problems: Problems; checks: readonly string[] }

async function ask(c: WebContext, again?: Again): Promise<Response> {
  const subject = await subjectOf(c)
  const { kind, organisation } = subject
  const { checks, ...shown } = again ?? { checks: [] }
  return showPage(c, 'new-recovery-case', {
    title: 'Open a recovery case',
    organisation: organisation === null ? null : shownOrganisation(organisation.id, organisation.name),
    noOwner: kind === 'no_owner',
    backHref: organisation === null ? '/desk/recovery' : `/organisations/${organisation.id}`,
    action: addressOf(subject),
    people: await peopleOf(c, subject, again?.values.personId ?? c.req.query('person')),
    checks: checkChoices(checks),
    askCode: await needsCode(c),
    ...shown,
  })
}

async function open(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'recovery.manage')
  const { kind, organisation } = await subjectOf(c)
  const checks = await textsOf(c, 'checks')
  const { db } = c.get('desk')
  const done = (id: string) => c.redirect(`/desk/recovery/${id}`, 303)
  if (kind === 'no_owner') {
    const { values, typed, problems } = await readForm(c, noOwner)
    const again = (wrong: Problems) => ask(c, { values: typed, problems: wrong, checks })
    if (problems !== null) return again(problems)
    const { code, ...rest } = values
    const run = async () => {
      await confirmWithCode(c, code)
      return done(
        (await openRecoveryCase(db, actor, { kind, organisationId: organisation?.id ?? '', checks, ...rest })).id,
      )
    }
    return orAskAgain(run, again, FIELDS)
  }
  const { values, typed, problems } = await readForm(c, lostAccess)
  const again = (wrong: Problems) => ask(c, { values: typed, problems: wrong, checks })
  if (problems !== null) return again(problems)
  const { code, ...rest } = values
  const run = async () => {
    await confirmWithCode(c, code)
    return done(
      (await openRecoveryCase(db, actor, { kind, organisationId: organisation?.id ?? null, checks, ...rest })).id,
    )
  }
  return orAskAgain(run, again, FIELDS)
}

/** One of the staff opens a case, with how they made sure who called. */
export function addNewRecoveryCase(app: App): void {
  app.get('/desk/recovery/new', (c) => ask(c))
  app.post('/desk/recovery/new', open)
}

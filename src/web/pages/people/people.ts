import { z } from 'zod'
import { findInvitations, findPeople } from '../../../database/people/places.ts'
import { findRecoveryCases } from '../../../database/people/recovery-cases.ts'
import { inviteMember, inviteStaff } from '../../../identity/members/organisations.ts'
import { MEMBER_ROLES, type PersonActor, type Role, roleMay, STAFF_ROLES } from '../../../rules/permissions.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { invitationRow, personRow, roleChoices } from '../../shown/people.ts'

export const newPerson = {
  name: z.string().trim().min(1, 'Enter a name.'),
  email: z.string().trim().min(1, 'Enter an email address.'),
  code: z.string().optional(),
}
const newMember = z.object({ ...newPerson, role: z.enum(MEMBER_ROLES, 'Choose a role.') })
const newColleague = z.object({ ...newPerson, role: z.enum(STAFF_ROLES, 'Choose a role.') })
const CASES_AT_ONCE = 10

/** What happened before this page was shown again, in our words. */
const DONE = {
  invited: 'They are invited by email. The invitation works for 7 days.',
  role: 'The role is changed, from their next click on.',
  removed: 'They are removed. Their sessions and API tokens here ended at once.',
  withdrawn: 'The invitation is withdrawn; its link is void.',
} as const
export type Done = keyof typeof DONE

function doneWords(done: string | undefined): string | null {
  return Object.entries(DONE).find(([name]) => name === done)?.[1] ?? null
}

async function openCases(c: WebContext, { organisationId }: PersonActor) {
  if (organisationId === null) return []
  const cases = await findRecoveryCases(c.get('desk').db, { open: true, organisationId, limit: CASES_AT_ONCE })
  return cases.filter(({ status }) => status !== 'requested').map(({ id, name }) => ({ name, href: `/recovery/${id}` }))
}

async function show(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const actor = actorFor(c, 'members.manage')
  const { timeZone } = bearerOf(c)
  const { db } = c.get('desk')
  const people = await findPeople(db, actor.organisationId)
  const invitations = await findInvitations(db, actor.organisationId)
  const roles: readonly Role[] = actor.organisationId === null ? STAFF_ROLES : MEMBER_ROLES
  const mayAllow = roleMay(actor.role, 'members.allowPickUp')
  return showPage(c, 'people', {
    title: 'People',
    ofDesk: actor.organisationId === null,
    done: doneWords(c.req.query('done')),
    people: people.map((person) => ({
      ...personRow(person, timeZone),
      developer: mayAllow && person.role === 'developer',
      mayReveal: person.mayReveal,
    })),
    mayLookAfter: true,
    invitations: invitations.map((invitation) => invitationRow(invitation, timeZone)),
    cases: await openCases(c, actor),
    soleOwner: people.filter(({ role, disabledAt }) => role === 'owner' && disabledAt === null).length === 1,
    roles: roleChoices(roles, again?.values.role),
    askCode: await needsCode(c),
    ...again,
  })
}

async function invite(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'members.manage')
  const { organisationId } = actor
  const again = (values: Typed) => (problems: Problems) => show(c, { values, problems })
  const done = () => c.redirect('/people?done=invited', 303)
  const fields = { ALREADY_MEMBER: 'email', ON_HOLD: 'role', TOO_MANY_REQUESTS: '' }
  const { db } = c.get('desk')
  if (organisationId === null) {
    const { values, typed, problems } = await readForm(c, newColleague)
    if (problems !== null) return again(typed)(problems)
    const { code, ...colleague } = values
    const run = async () => {
      await confirmWithCode(c, code)
      await inviteStaff(db, actor, colleague)
      return done()
    }
    return orAskAgain(run, again(typed), fields)
  }
  const { values, typed, problems } = await readForm(c, newMember)
  if (problems !== null) return again(typed)(problems)
  const { code, ...member } = values
  const run = async () => {
    await confirmWithCode(c, code)
    await inviteMember(db, actor, { ...member, organisationId })
    return done()
  }
  return orAskAgain(run, again(typed), fields)
}

/** The people of an organisation for its owners, the staff for the desk's admins; both invite here. */
export function addPeople(app: App): void {
  app.get('/people', (c) => show(c))
  app.post('/people', invite)
}

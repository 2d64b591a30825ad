import { z } from 'zod'
import { findWhetherEverJoined } from '../../../database/people/memberships.ts'
import { findOrganisation } from '../../../database/people/organisations.ts'
import { inviteMember } from '../../../identity/members/organisations.ts'
import { MEMBER_ROLES } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { roleChoices } from '../../shown/people.ts'
import { newPerson } from '../people/people.ts'

const newMember = z.object({ ...newPerson, role: z.enum(MEMBER_ROLES, 'Choose a role.') })

async function organisationOf(c: WebContext): Promise<{ id: string; name: string }> {
  const organisation = await findOrganisation(c.get('desk').db, c.req.param('id') ?? '')
  if (organisation === undefined) throw new Refusal('NOT_FOUND')
  return organisation
}

async function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  actorFor(c, 'organisations.manage')
  const { id, name } = await organisationOf(c)
  // The first owner comes from the desk; from then on owners name owners.
  const first = !(await findWhetherEverJoined(c.get('desk').db, id))
  const roles = MEMBER_ROLES.filter((role) => (role === 'owner' ? first : !first))
  return showPage(c, 'organisation-invitation', {
    title: 'Invite somebody',
    organisation: shownOrganisation(id, name),
    backHref: `/organisations/${id}`,
    action: `/organisations/${id}/invitation`,
    roles: roleChoices(roles, again?.values.role ?? (first ? 'owner' : undefined)),
    askCode: await needsCode(c),
    ...again,
  })
}

async function invite(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'organisations.manage')
  const { id } = await organisationOf(c)
  const { values, typed, problems } = await readForm(c, newMember)
  if (problems !== null) return ask(c, { values: typed, problems })
  const { code, ...member } = values
  const run = async () => {
    await confirmWithCode(c, code)
    await inviteMember(c.get('desk').db, actor, { ...member, organisationId: id })
    return c.redirect(`/organisations/${id}?done=invited`, 303)
  }
  const fields = { ALREADY_MEMBER: 'email', TOO_MANY_REQUESTS: '', NOT_ALLOWED: 'role' }
  return orAskAgain(run, (wrong) => ask(c, { values: typed, problems: wrong }), fields)
}

/** An admin invites somebody to an organisation: its first owner, or people who are none. */
export function addOrganisationInvitation(app: App): void {
  app.get('/organisations/:id/invitation', (c) => ask(c))
  app.post('/organisations/:id/invitation', invite)
}

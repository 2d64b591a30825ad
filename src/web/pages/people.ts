import { z } from 'zod'
import { findPeople } from '../../database/people/people.ts'
import { inviteMember, inviteStaff } from '../../identity/members/organisations.ts'
import { MEMBER_ROLES, type Role, roleMay, STAFF_ROLES } from '../../rules/permissions.ts'
import { ROLE_WORDS } from '../../rules/text/words.ts'
import { type App, actorFor, type WebContext } from '../context.ts'
import { confirmWithCode, needsCode } from '../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../forms/form.ts'
import { showPage } from '../shown/page.ts'

const person = {
  name: z.string().trim().min(1, 'Enter a name.'),
  email: z.string().trim().min(1, 'Enter an email address.'),
  code: z.string().optional(),
}
const newMember = z.object({ ...person, role: z.enum(MEMBER_ROLES, 'Choose a role.') })
const newColleague = z.object({ ...person, role: z.enum(STAFF_ROLES, 'Choose a role.') })

const ROLE_HINTS = {
  owner: 'files rotations, picks up and revokes keys, invites people',
  developer: 'sees everything; picks up new keys where an owner allows it',
  viewer: 'sees everything, changes nothing',
  agent: 'decides requests',
  admin: 'manages organisations, gateways and the staff',
} as const satisfies Record<Role, string>

async function show(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const actor = actorFor(c, 'members.manage')
  const people = await findPeople(c.get('desk').db, actor.organisationId)
  const roles: readonly Role[] = actor.organisationId === null ? STAFF_ROLES : MEMBER_ROLES
  const invited = c.req.query('invited')
  return showPage(c, 'people', {
    title: 'People',
    ofDesk: actor.organisationId === null,
    invited: invited === 'yes',
    people: people.map(({ role, ...person }) => ({
      ...person,
      roleWord: ROLE_WORDS[role],
      developer: role === 'developer' && person.enrolled && roleMay(actor.role, 'members.allowPickUp'),
    })),
    soleOwner: people.filter((row) => row.role === 'owner' && row.enrolled).length === 1,
    roles: roles.map((role, i) => ({
      value: role,
      inputId: i === 0 ? 'role' : `role-${role}`,
      label: ROLE_WORDS[role],
      hint: ROLE_HINTS[role],
      chosen: again?.values.role === role,
    })),
    askCode: await needsCode(c),
    ...again,
  })
}

async function invite(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'members.manage')
  const { organisationId } = actor
  const again = (values: Typed) => (problems: Problems) => show(c, { values, problems })
  const done = () => c.redirect('/people?invited=yes', 303)
  const fields = { ALREADY_MEMBER: 'email', TOO_MANY_REQUESTS: '' }
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

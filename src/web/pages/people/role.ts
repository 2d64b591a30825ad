import { z } from 'zod'
import { changeMemberRole } from '../../../identity/members/roles.ts'
import { changeStaffRole } from '../../../identity/members/staff.ts'
import { MEMBER_ROLES, type Role, STAFF_ROLES } from '../../../rules/permissions.ts'
import type { App, WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { roleChoices } from '../../shown/people.ts'
import { listOf, type Place, personInPlace, placeOf } from './place.ts'

const memberRole = z.object({ role: z.enum(MEMBER_ROLES, 'Choose a role.'), code: z.string().optional() })
const staffRole = z.object({ role: z.enum(STAFF_ROLES, 'Choose a role.'), code: z.string().optional() })

/** Admins make nobody an owner; whoever is one may stay it. */
function rolesIn({ actor, organisationId }: Place, now: Role): readonly Role[] {
  if (organisationId === null) return STAFF_ROLES
  return MEMBER_ROLES.filter((role) => role !== 'owner' || now === 'owner' || actor.organisationId !== null)
}

async function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const place = placeOf(c)
  const { personId, name, role } = await personInPlace(c, place)
  return showPage(c, 'person-role', {
    title: 'Change the role',
    name,
    action: `/people/${personId}/role${place.query}`,
    backHref: listOf(place),
    roles: roleChoices(rolesIn(place, role), again?.values.role ?? role),
    askCode: await needsCode(c),
    ...again,
  })
}

async function change(c: WebContext): Promise<Response> {
  const place = placeOf(c)
  const { personId } = await personInPlace(c, place)
  const { actor, organisationId } = place
  const { db } = c.get('desk')
  const fields = { LAST_OWNER: 'role', LAST_ADMIN: 'role', NOT_ALLOWED: 'role', ON_HOLD: 'role' }
  if (organisationId === null) {
    const { values, typed, problems } = await readForm(c, staffRole)
    const again = (wrong: Problems) => ask(c, { values: typed, problems: wrong })
    if (problems !== null) return again(problems)
    const run = () => changeStaffRole(db, actor, personId, values.role)
    return orAskAgain(() => confirmed(c, place, values.code, run), again, fields)
  }
  const { values, typed, problems } = await readForm(c, memberRole)
  const again = (wrong: Problems) => ask(c, { values: typed, problems: wrong })
  if (problems !== null) return again(problems)
  const run = () => changeMemberRole(db, actor, { organisationId, personId }, values.role)
  return orAskAgain(() => confirmed(c, place, values.code, run), again, fields)
}

async function confirmed(c: WebContext, place: Place, code: string | undefined, run: () => Promise<void>) {
  await confirmWithCode(c, code)
  await run()
  return c.redirect(listOf(place, 'role'), 303)
}

/** Owners change the roles of their members, admins those of everybody. */
export function addRoles(app: App): void {
  app.get('/people/:id/role', (c) => ask(c))
  app.post('/people/:id/role', change)
}

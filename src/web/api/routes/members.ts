import { z } from 'zod'
import { findPeople } from '../../../database/people/places.ts'
import { inviteMember } from '../../../identity/members/organisations.ts'
import { removeMember } from '../../../identity/members/removal.ts'
import { changeMemberRole } from '../../../identity/members/roles.ts'
import { MEMBER_ROLES, type PersonActor } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { email, id, name } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const MISSING = [{ pointer: '/organisationId', message: 'Name the organisation.' }]
const role = z.enum(MEMBER_ROLES, 'Choose owner, developer or viewer.')
const where = z.strictObject({
  organisationId: id.optional().meta({ description: 'For admins, who name the organisation; owners have their own.' }),
})

/** The organisation that the call is about. Refuses NOT_FOUND for another's, and INVALID_REQUEST where staff name none. */
function placeOf({ organisationId }: PersonActor, named: string | undefined): string {
  if (organisationId !== null && named !== undefined && named !== organisationId) throw new Refusal('NOT_FOUND')
  const place = organisationId ?? named
  if (place === undefined) throw new Refusal('INVALID_REQUEST', { errors: MISSING })
  return place
}

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/members',
    operation: 'listMembers',
    summary: 'The members of an organisation, by name',
    tag: 'Organisations',
    access: 'members.manage',
    stepUp: false,
    idempotent: false,
    query: where,
    answer: { status: 200, schema: shapes.listOf(shapes.member), says: 'All of them; never a secret.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, query }) => {
    const people = await findPeople(desk.db, placeOf(actor, query.organisationId))
    return { items: people.map(shapes.asMember), nextCursor: null }
  },
)

const invite = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/members',
    operation: 'inviteMember',
    summary: 'Invite somebody to an organisation by mail',
    tag: 'Organisations',
    access: 'members.manage',
    stepUp: true,
    idempotent: true,
    query: where,
    body: z.strictObject({ name, email, role }),
    answer: { status: 204, schema: null, says: 'The invitation is on its way.' },
    refusals: ['NOT_FOUND', 'ON_HOLD', 'ALREADY_MEMBER', 'TOO_MANY_REQUESTS'],
  },
  async ({ desk, actor, query, body }) => {
    await inviteMember(desk.db, actor, { ...body, organisationId: placeOf(actor, query.organisationId) })
    return undefined
  },
)

const change = personRoute(
  {
    ...NO_INPUT,
    method: 'patch',
    path: '/v1/members/:id',
    operation: 'changeMemberRole',
    summary: 'Give a member another role, from their next call on',
    tag: 'Organisations',
    access: 'members.manage',
    stepUp: true,
    idempotent: false,
    params: z.strictObject({ id }),
    query: where,
    body: z.strictObject({ role }),
    answer: { status: 204, schema: null, says: 'They have the role.' },
    refusals: ['NOT_FOUND', 'LAST_OWNER', 'ON_HOLD'],
  },
  async ({ desk, actor, params, query, body }) => {
    const whose = { organisationId: placeOf(actor, query.organisationId), personId: params.id }
    await changeMemberRole(desk.db, actor, whose, body.role)
    return undefined
  },
)

const remove = personRoute(
  {
    ...NO_INPUT,
    method: 'delete',
    path: '/v1/members/:id',
    operation: 'removeMember',
    summary: 'Remove a member; their sessions and tokens there end at once',
    tag: 'Organisations',
    access: 'members.manage',
    stepUp: true,
    idempotent: false,
    params: z.strictObject({ id }),
    query: where,
    answer: { status: 204, schema: null, says: 'They are out.' },
    refusals: ['NOT_FOUND', 'LAST_OWNER'],
  },
  async ({ desk, actor, params, query }) => {
    const organisationId = placeOf(actor, query.organisationId)
    await removeMember(desk.db, actor, { organisationId, personId: params.id })
    return undefined
  },
)

export const memberRoutes = [list, invite, change, remove]

import { z } from 'zod'
import { findPeople } from '../../../database/people/places.ts'
import { disablePerson, enablePerson, unlockAccount } from '../../../identity/members/accounts.ts'
import { inviteStaff } from '../../../identity/members/organisations.ts'
import { changeStaffRole, removeFromStaff } from '../../../identity/members/staff.ts'
import { STAFF_ROLES } from '../../../rules/permissions.ts'
import { email, id, name } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const role = z.enum(STAFF_ROLES, 'Choose agent or admin.')
const SENSITIVE = { ...NO_INPUT, tag: 'People', access: 'staff.manage', stepUp: true, idempotent: false } as const

const list = personRoute(
  {
    ...SENSITIVE,
    method: 'get',
    path: '/v1/staff',
    operation: 'listStaff',
    summary: 'The staff of the desk, by name',
    stepUp: false,
    answer: { status: 200, schema: shapes.listOf(shapes.member), says: 'All of them; never a secret.' },
    refusals: [],
  },
  async ({ desk }) => ({ items: (await findPeople(desk.db, null)).map(shapes.asMember), nextCursor: null }),
)

const invite = personRoute(
  {
    ...SENSITIVE,
    method: 'post',
    path: '/v1/staff',
    operation: 'inviteStaff',
    idempotent: true,
    summary: 'Invite a colleague to the staff by mail',
    body: z.strictObject({ name, email, role }),
    answer: { status: 204, schema: null, says: 'The invitation is on its way.' },
    refusals: ['ALREADY_MEMBER', 'TOO_MANY_REQUESTS'],
  },
  async ({ desk, actor, body }) => {
    await inviteStaff(desk.db, actor, body)
    return undefined
  },
)

const change = personRoute(
  {
    ...SENSITIVE,
    method: 'patch',
    path: '/v1/staff/:id',
    operation: 'changeStaffRole',
    summary: 'Make an agent an admin, or the other way round',
    params: z.strictObject({ id }),
    body: z.strictObject({ role }),
    answer: { status: 204, schema: null, says: 'They have the role.' },
    refusals: ['NOT_FOUND', 'LAST_ADMIN'],
  },
  async ({ desk, actor, params, body }) => {
    await changeStaffRole(desk.db, actor, params.id, body.role)
    return undefined
  },
)

const remove = personRoute(
  {
    ...SENSITIVE,
    method: 'delete',
    path: '/v1/staff/:id',
    operation: 'removeFromStaff',
    summary: 'Take somebody off the staff; what they looked after is nobody’s then',
    params: z.strictObject({ id }),
    answer: { status: 204, schema: null, says: 'They are out.' },
    refusals: ['NOT_FOUND', 'LAST_ADMIN'],
  },
  async ({ desk, actor, params }) => {
    await removeFromStaff(desk.db, actor, params.id)
    return undefined
  },
)

const DEEDS = [
  ['unlock', 'unlockAccount', 'Open an account that too many wrong codes locked', unlockAccount],
  ['disable', 'disablePerson', 'Disable an account everywhere, at once', disablePerson],
  ['enable', 'enablePerson', 'Enable a disabled account', enablePerson],
] as const

const deeds = DEEDS.map(([deed, operation, summary, verb]) =>
  personRoute(
    {
      ...SENSITIVE,
      method: 'post',
      path: `/v1/people/:id/${deed}`,
      operation,
      summary,
      params: z.strictObject({ id }),
      answer: { status: 204, schema: null, says: 'It is so; again it changes nothing.' },
      refusals: ['NOT_FOUND', 'LAST_ADMIN'],
    },
    async ({ desk, actor, params }) => {
      await verb(desk.db, actor, params.id)
      return undefined
    },
  ),
)

export const staffRoutes = [list, invite, change, remove, ...deeds]
